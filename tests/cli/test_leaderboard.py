"""``fsbench results`` and ``fsbench leaderboard``, from results to a checked leaderboard."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fewshot_bench.evaluation.result import EPISODES, RESULT, write_result
from fewshot_bench.files import dump_json
from tests.cli.common import fails, fsbench
from tests.leaderboard.synthetic import synthetic

REPOSITORY = Path(__file__).parents[2]
SCHEMA_1 = REPOSITORY / "tests" / "evaluation" / "schema-1"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Results of two methods as ``fsbench evaluate --seeds 0,1,2`` leaves them."""
    folder = tmp_path_factory.mktemp("fresh")
    for method, skill, options in (("protonet", 0.0, {}), ("maml", 0.1, {"bn": "support"})):
        for seed in range(3):
            result = synthetic(method, skill, seed, seeds=range(3), options=options)
            write_result(result, folder / method / f"seed-{seed}")
    return folder


@pytest.fixture
def root(fresh, tmp_path):
    """A leaderboard that they were submitted to."""
    root = tmp_path / "leaderboards"
    fsbench("results", "add", fresh, "--root", root)
    shutil.copy(REPOSITORY / "leaderboards" / "published.csv", root)
    fsbench("leaderboard", "build", "--root", root)
    return root


def snapshot(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_submitted_results_are_built_and_pass_the_check(root):
    out, _ = fsbench("leaderboard", "check", "--root", root)
    assert "6 results are valid" in out
    assert {p.name for p in root.iterdir()} >= {"README.md", "index.html", "board.json", "tables"}
    assert (root / "results" / "glyphs" / "5-1" / "maml").is_dir()


def test_building_again_changes_no_byte(root):
    before = snapshot(root)
    out, _ = fsbench("leaderboard", "build", "--root", root)
    assert "0 files written" in out
    assert snapshot(root) == before


def test_edited_and_left_over_tables_are_named(root):
    table = root / "tables" / "glyphs.md"
    table.write_text(table.read_text().replace("conv4-64", "conv4-63"))
    shutil.copy(root / "tables" / "glyphs-5-1.tex", root / "tables" / "old.tex")
    (root / "index.html").unlink()
    out, err = fsbench("leaderboard", "check", "--root", root, code=2)
    assert "3 problems" in err
    assert all(name in out for name in ("glyphs.md", "old.tex", "index.html"))
    fsbench("leaderboard", "build", "--root", root)
    assert not (root / "tables" / "old.tex").exists()
    fsbench("leaderboard", "check", "--root", root)


def test_a_folder_that_is_no_leaderboard_is_left_as_it_is(tmp_path):
    (tmp_path / "tables").mkdir()
    for name in ("README.md", "index.html", "tables/mine.csv", "tables/mine.tex"):
        (tmp_path / name).write_text("my own\n")
    before = snapshot(tmp_path)
    for command in ("build", "check"):
        line = fails("leaderboard", command, "--root", tmp_path)
        assert "neither results/ nor published.csv" in line
    assert snapshot(tmp_path) == before


def test_files_of_the_user_are_neither_replaced_nor_removed(root):
    for name in ("mine.csv", "mine.tex", "notes.md"):
        (root / "tables" / name).write_text("my own\n")
    (root / "tables" / "old.md").mkdir()
    fsbench("leaderboard", "build", "--root", root)
    fsbench("leaderboard", "check", "--root", root)
    (root / "README.md").write_text("# my own\n")
    (root / "board.json").unlink()
    before = snapshot(root)
    assert "README.md was not written by" in fails("leaderboard", "build", "--root", root)
    assert snapshot(root) == before
    (root / "README.md").unlink()
    (root / "tables" / "glyphs.md").unlink()
    (root / "tables" / "glyphs.md").mkdir()
    assert "glyphs.md was not written by" in fails("leaderboard", "build", "--root", root)


def test_an_altered_result_fails_the_check_with_its_reason(root):
    file = next(root.rglob(RESULT))
    document = json.loads(file.read_text())
    document["summary"]["interval"]["low"] = 0.1
    file.write_bytes(dump_json(document))
    out, err = fsbench("leaderboard", "check", "--root", root, code=2)
    assert f"{file.parent}: its summary gives the lower limit as 0.1" in out
    assert "1 problem in" in err


def test_tables_of_choice(root, tmp_path):
    arguments = ("--columns", "method,time,rank", "--sort", "method", "--format", "md")
    fsbench("leaderboard", "build", "--root", root, *arguments)
    table = (root / "tables" / "glyphs.md").read_text()
    heads = next(line for line in table.splitlines() if line.startswith("|"))
    assert [head.strip() for head in heads.split("|")] == [
        "",
        "method",
        "time/episode",
        "rank set",
        "",
    ]
    assert table.index("maml") < table.index("protonet")
    line = fails("leaderboard", "build", "--root", root, "--columns", "speed")
    assert "no column 'speed'" in line
    assert "accuracy" in line
    assert "no format" in fails("leaderboard", "build", "--root", root, "--format", "pdf")
    assert "not a folder" in fails("leaderboard", "build", "--root", tmp_path / "none")


def test_results_are_listed_shown_and_verified(fresh):
    out, _ = fsbench("results", "list", fresh)
    assert out.count("protonet") == out.count("maml") == 3
    listed = json.loads(fsbench("results", "list", fresh, "--json")[0])
    assert {entry["seed"] for entry in listed} == {0, 1, 2}
    out, _ = fsbench("results", "show", fresh / "maml" / "seed-1")
    assert "seed: 1" in out
    assert "95% closed" in out
    assert json.loads(fsbench("results", "show", SCHEMA_1, "--json")[0])["schema_version"] == 1
    assert "6 results are valid" in fsbench("results", "verify", fresh)[0]


def test_nothing_is_added_if_something_is_wrong(fresh, tmp_path):
    root = tmp_path / "leaderboards"
    assert "too few" in fails("results", "add", fresh, SCHEMA_1, "--root", root)
    assert not root.exists()
    assert "holds no result" in fails("results", "add", tmp_path, "--root", root)


def damaged(folder):
    (folder / EPISODES).write_bytes(b"x")


@pytest.mark.parametrize(
    ("harm", "reason"),
    [(damaged, "missing or damaged"), (shutil.rmtree, "seed 1 was measured but is not there")],
)
def test_what_is_damaged_or_missing_is_a_failure(fresh, tmp_path, harm, reason):
    copy = tmp_path / "copy"
    shutil.copytree(fresh / "maml", copy)
    harm(copy / "seed-1")
    out, err = fsbench("results", "verify", copy, code=2)
    assert reason in out
    assert "not all results are valid" in err
    assert "are valid" not in out
    root = tmp_path / "leaderboards"
    assert "nothing was added" in fails("results", "add", copy, "--root", root)
    assert not root.exists()


def test_seeds_that_are_there_already_are_not_missing(fresh, tmp_path):
    root, copy = tmp_path / "leaderboards", tmp_path / "copy"
    fsbench("results", "add", fresh / "maml", "--root", root)
    before = snapshot(root)
    shutil.copytree(fresh / "maml" / "seed-2", copy)
    fsbench("results", "add", copy, copy, "--root", root)
    assert snapshot(root) == before


def test_a_seed_measured_twice_is_refused_and_says_what_to_remove(fresh, tmp_path):
    root, short = tmp_path / "leaderboards", tmp_path / "short"
    write_result(synthetic(seed=0, episodes=700), short)
    line = fails("results", "add", short, fresh / "protonet", "--root", root)
    assert "there twice" in line
    assert f"remove {short}, which has fewer" in line
    fsbench("results", "add", short, "--root", root)
    [there] = (file.parent for file in root.rglob(RESULT))
    line = fails("results", "add", fresh / "protonet", "--root", root)
    assert f"remove {there}, which has fewer" in line
    shutil.rmtree(there)
    fsbench("results", "add", fresh / "protonet", "--root", root)
    fsbench("leaderboard", "build", "--root", root)
    fsbench("leaderboard", "check", "--root", root)


def test_results_of_a_model_are_not_added_with_other_class_sizes(fresh, tmp_path):
    root = tmp_path / "leaderboards"
    fsbench("results", "add", fresh, "--root", root)
    write_result(synthetic("anil", options={"bn": "support"}, sizes=[41] * 20), tmp_path / "odd")
    line = fails("results", "add", tmp_path / "odd", "--root", root)
    assert "820 images, but those of ffffffffffff in datasets.csv" in line


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (",\n", ",photographs, of 64 pixels\n", "line 2: not 6 values"),
        (",,\n", "\n", "line 2: not 6 values"),
        (",20,", ",twenty,", "line 2: test_classes must be a whole number"),
    ],
)
def test_a_damaged_table_of_data_is_named_before_anything_is_copied(root, fresh, old, new, reason):
    table = root / "datasets.csv"
    head, line = table.read_text().splitlines(keepends=True)
    table.write_text(head + line.replace(old, new))
    write_result(synthetic("anil", options={"bn": "support"}), root.parent / "more")
    before = snapshot(root)
    assert reason in fails("results", "add", root.parent / "more", "--root", root)
    assert reason in fails("leaderboard", "check", "--root", root)
    assert snapshot(root) == before


@pytest.mark.parametrize("command", [("results", "list"), ("leaderboard", "build")])
def test_torch_is_not_imported(command, root):
    where = root / "results" if command[0] == "results" else root
    words = ["fsbench", *command, *(["--root"] if command[0] == "leaderboard" else []), str(where)]
    code = (
        f"import sys; sys.argv = {words!r}\n"
        "from fewshot_bench.cli import main\n"
        "try: main()\n"
        "finally: print({'torch', 'matplotlib', 'scipy.stats'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n"), done.stdout + done.stderr


def test_the_committed_leaderboard_is_what_its_results_say(tmp_path):
    copy = tmp_path / "leaderboards"
    shutil.copytree(REPOSITORY / "leaderboards", copy)
    before = snapshot(copy)
    fsbench("leaderboard", "build", "--root", copy)
    assert snapshot(copy) == before
    fsbench("leaderboard", "check", "--root", copy)
