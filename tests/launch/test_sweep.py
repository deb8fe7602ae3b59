"""A sweep on this machine: the same results with any number of jobs, and only what is missing."""

import json
import shutil

import pytest

from fewshot_bench.evaluation.result import RESULT, read_result
from tests.cli.common import fails, fsbench
from tests.launch.common import SETTINGS, contents, sweep_file


@pytest.fixture(scope="module")
def swept(tiny_folder, tmp_path_factory):
    """The sweep with one job."""
    root = tmp_path_factory.mktemp("swept")
    file = sweep_file(root / "grid.toml", tiny_folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FSBENCH_CACHE", str(root / "cache"))
        said, _ = fsbench("sweep", file, "--jobs", 1, "--out", root / "out")
    return root, said


def test_two_jobs_give_the_results_of_one_byte_for_byte(swept, tiny_folder, tmp_path):
    root, _ = swept
    one = contents(root / "out")
    assert len(one) == 24
    fsbench("sweep", root / "grid.toml", "--jobs", 2, "--out", tmp_path / "out")
    assert contents(tmp_path / "out") == one


def test_a_cell_is_what_evaluate_measures(swept, tiny_folder, tmp_path):
    root, _ = swept
    words = ["-m", "protonet", "-b", f"folder:{tiny_folder}", "--backbone", "conv4-32"]
    words += ["--n-way", 3, "--n-shot", 2, "--image-size", SETTINGS["image_size"], "--seeds", "0-2"]
    words += ["--set", "task.n_query=4", "--set", "evaluate.seed=1", "--episodes", 30]
    for stage, settings in (("train", SETTINGS["train"]), *SETTINGS["stages"].items()):
        name = stage if stage == "train" else f"stages.{stage}"
        words += [w for key, value in settings.items() for w in ("--set", f"{name}.{key}={value}")]
    fsbench("evaluate", *words, "--device", "cpu", "--out", tmp_path)
    for seed in range(3):
        alone = read_result(tmp_path / f"seed-{seed}").document
        ids = [read_result(f.parent).document.result_id for f in (root / "out").rglob(RESULT)]
        assert alone.result_id in ids


def test_the_table_counts_cells_and_has_their_mean_accuracy(swept):
    root, said = swept
    results = [read_result(file.parent) for file in (root / "out").rglob(RESULT)]
    assert said.count("6/6") == 4
    for shot in (1, 2):
        accuracies = [
            float(result.accuracy.mean())
            for result in results
            if result.document.protocol.shot == shot and result.document.method.id == "simpleshot"
        ]
        assert f"{100 * sum(accuracies) / len(accuracies):.2f} %" in said


def test_again_does_only_what_is_missing(swept, tmp_path, monkeypatch):
    root, _ = swept
    monkeypatch.setenv("FSBENCH_CACHE", str(root / "cache"))
    out = tmp_path / "out"
    shutil.copytree(root / "out", out)
    files = sorted(out.rglob(RESULT))
    removed, damaged = files[3], files[7]
    shutil.rmtree(removed.parent)
    damaged.write_text("{")
    times = {file: file.stat().st_mtime_ns for file in files if file not in (removed, damaged)}
    said, _ = fsbench("sweep", root / "grid.toml", "--dry-run", "--out", out)
    assert said.startswith("24 cells: 22 there, 2 to measure\nabout 1 min with ")
    said, _ = fsbench("sweep", root / "grid.toml", "--jobs", 2, "--out", out, "--json")
    states = [cell["state"] for cell in json.loads(said)["cells"]]
    assert (states.count("there"), states.count("done")) == (22, 2)
    assert contents(out) == contents(root / "out")
    assert {file: file.stat().st_mtime_ns for file in times} == times


def test_shared_trainings_are_planned_once(swept, tmp_path):
    root, _ = swept
    said, _ = fsbench("sweep", root / "grid.toml", "--dry-run", "--json", "--out", tmp_path / "new")
    plan = json.loads(said)
    # Each seed: one backbone, one model of simpleshot for both shots, two of protonet.
    assert len(plan["shared"]) == 3 * (1 + 1 + 2)
    assert {cell["state"] for cell in plan["cells"]} == {"missing"}
    assert not (tmp_path / "new").exists()


PLUGIN = """
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.methods.protonet import protonet
from fewshot_bench.registry import METHODS

class Broken(Delegating):
    def episode_loss(self, params, episode):
        raise RuntimeError("two\\nlines")

@METHODS.register("broken", setting="inductive")
def broken(setup):
    return Broken(protonet(setup))
"""


def test_a_failure_is_one_line_at_the_end_and_the_rest_goes_on(tiny_folder, tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN)
    changes = {"shots": [1], "seeds": [0], "grid": None, "plugins": [str(tmp_path / "mine.py")]}
    changes["methods"] = ["broken", "protonet"]
    file = sweep_file(tmp_path / "grid.toml", tiny_folder, **changes)
    said, err = fsbench("sweep", file, "--jobs", 2, "--out", tmp_path / "out", code=1)
    assert [word for word in said.split() if word in ("0/1", "1/1")] == ["0/1", "1/1"]
    [line] = [line for line in err.splitlines() if "two" in line]
    assert line.startswith("  broken on folder:")
    assert "RuntimeError: two lines; see " in line
    log = line.rpartition("see ")[2]
    with open(log, encoding="utf-8") as file:  # noqa: PTH123
        assert "Traceback" in file.read()


def test_what_can_not_be_is_said_before_anything_runs(tiny_folder, tmp_path):
    file = sweep_file(tmp_path / "grid.toml", tiny_folder, ways=[3, 9])
    assert "9" in fails("sweep", file, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    file = sweep_file(tmp_path / "grid.toml", tiny_folder, methods=["protonet"], shot=[1])
    assert "unknown setting 'shot'" in fails("sweep", file)
