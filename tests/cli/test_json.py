"""Every command prints JSON, nothing else on standard output, with the keys of docs/programs.md."""

import json
import re
import shutil
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

import pytest
import typer

from fewshot_bench.cli.app import app
from fewshot_bench.cli.output import plain
from fewshot_bench.evaluation.result import write_result
from fewshot_bench.leaderboard.reproduce import Published, Reproduction
from tests.cli.common import fsbench
from tests.launch.common import sweep_file
from tests.launch.test_tune import tuning_file
from tests.leaderboard.synthetic import synthetic
from tests.tiny import SIZE, make_folder, tiny_config

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "programs.md").read_text(encoding="utf-8")
LINEAR = "--data wine --model linear"
ON = f"-b folder:images --image-size {SIZE} --backbone conv4-32 -m protonet --n-way 3 --n-query 4"
STEPS = "--set train.steps=2 --set train.val_every=2 --set train.val_episodes=5"
CELLS = "--n-way 3 --n-query 4 --episodes 20"
SEARCH = "--population 5 --steps 5 --local-steps 2 --protocol-steps 5 --generations 1"
# A line for each row of the page, in an order in which each has what it needs.
COMMANDS = f"""
data split classes
data prepare folder:images --image-size {SIZE} --quiet
data info folder:images --image-size {SIZE}
data verify
data verify folder:images --image-size {SIZE}
train {ON} {STEPS} --quiet
evaluate {ON} {STEPS} --episodes 20 --out measured --quiet
predict support queries --checkpoint model.safetensors
reproduce tiny --seeds 0-1 --device cpu --out again --quiet
reproduce --list
results list results
results show results/a
results show results/a --per-class
results interval results
results verify results
results add results --root board
results rerun measured -b folder:images --root again --episodes 20 --device cpu --quiet
leaderboard build --root board
leaderboard check --root board
compare results/a results/b
plot interval results/a results/b --out picture.svg
loss train ml3 {LINEAR} --offline-steps 2 --out mine.json --quiet
loss show mine.json
loss analyse --losses cross_entropy,sparse_lsr --n-classes 5
loss search {LINEAR} {SEARCH} --out found.json --quiet
loss compare {LINEAR} --steps 3 --losses cross_entropy,focal --seeds 0-1 --quiet
methods check protonet --image-size 16
embed --backbone module:net.py:make -b folder:images --image-size {SIZE} --out net.npz --quiet
grid --embeddings model.safetensors --classifiers simpleshot {CELLS} --out grid --quiet
sweep sweep.toml --out swept --quiet
tune tune.toml --out tuned --quiet
"""
NET = """
from torch import nn

def make():
    return nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten())
"""
ALL = [line for line in COMMANDS.splitlines() if line]
# Tuning takes a package that is not among those for tests.
LINES = [line for line in ALL if find_spec("optuna") or not line.startswith("tune ")]


def leaves(command, path=""):
    """Names of all commands, as a user types them."""
    if not hasattr(command, "list_commands"):
        yield path, command
        return
    for name in command.commands:
        context = command.context_class(command)
        yield from leaves(command.resolve_command(context, [name])[1], f"{path} {name}".strip())


def documented():
    """For each row of the page, the commands in it, whether they print a list, and the keys."""
    for names, text in re.findall(r"^\| (.+?) \| (.+) \|$", PAGE, re.MULTILINE):
        keys = re.findall(r"`(\w+)`", text)
        for name in re.findall(r"`([^`]+)`", names):
            yield name, text.startswith("*list*"), keys


ROWS = {name: (is_list, keys) for name, is_list, keys in documented()}


def row_of(line):
    """The row of the page that is about a command as it is called."""
    fits = [name for name in ROWS if set(name.split()) <= set(line.split())]
    return ROWS[max(fits, key=len)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with all that the commands need."""
    place = tmp_path_factory.mktemp("programs")
    make_folder(place / "images")
    for name, method, options in (("a", "protonet", {}), ("b", "maml", {"bn": "support"})):
        result = synthetic(method, seeds=[0], options=options)
        write_result(result, place / "results" / name)
    (place / "board").mkdir()
    (place / "net.py").write_text(NET)
    sweep_file(place / "sweep.toml", "images", seeds=[0], shots=[1], methods=["protonet"])
    tuning_file(
        place / "tune.toml", "images", methods=["protonet"], budget={"trials": 1, "steps": 2}
    )
    shutil.copy(ROOT / "leaderboards" / "published.csv", place / "board")
    shutil.copytree(place / "images" / "test", place / "classes")
    for name in ("test0", "test1"):
        shutil.copytree(place / "classes" / name, place / "support" / name)
    shutil.copytree(place / "classes" / "test0", place / "queries")
    return place


@pytest.fixture(scope="module")
def answers(place):
    """What each of the commands prints with ``--json``."""
    published = Published(
        method="ProtoNet",
        backbone="conv4",
        accuracy_percent=50.0,
        half_width_percent=0.5,
        interval="ci95",
        source="arXiv 1703.05175",
        where="Table 2",
    )
    settings = tiny_config(place / "images").model_dump(exclude_none=True)
    row = Reproduction("tiny", settings, published)
    found = {}
    with (
        pytest.MonkeyPatch.context() as patch,
        mock.patch("fewshot_bench.cli.reproduce.reproduction", return_value=row),
    ):
        patch.setenv("FSBENCH_CACHE", str(place / "cache"))
        for line in LINES:
            out, err = fsbench(*line.split(), "--json", cwd=place)
            assert not err or "--quiet" not in line, line
            found[line] = json.loads(out)
            if line.startswith("evaluate"):
                shutil.copytree(place / "measured", place / "again" / "results" / "measured")
            if line.startswith("train"):
                shutil.copy(place / found[line]["model"], place)
    return found


@pytest.mark.parametrize("line", LINES)
def test_the_answer_has_the_keys_of_the_page(answers, line):
    value, (is_list, keys) = answers[line], row_of(line)
    if line == "results show results/a":
        return  # the document itself, see below
    assert isinstance(value, list) == is_list
    for one in value if is_list else [value]:
        named = set(one) - {"test0", "test1"} if line.startswith("predict") else set(one)
        assert named == set(keys)
    assert value


def test_every_command_has_a_row_and_a_line_and_takes_json():
    lists = set()
    for name, command in leaves(typer.main.get_command(app)):
        assert "--json" in [word for one in command.params for word in one.opts], name
        if name.startswith("list "):
            lists.add(name)
            continue
        assert name in ROWS, name
        assert any(f"{line} ".startswith(f"{name} ") for line in ALL), name
    assert len(lists) >= 10


@pytest.mark.parametrize("kind", ["methods", "transforms", "heads", "backbones", "samplers"])
def test_lists_have_the_keys_of_the_page(kind):
    rows = json.loads(fsbench("list", kind, "--json")[0])
    keys = ROWS.get(f"list {kind}", ROWS["list"])[1]
    assert rows
    assert all(list(row) == keys for row in rows)


def test_a_result_is_shown_as_it_is_stored(answers, place):
    stored = json.loads((place / "results" / "a" / "result.json").read_text())
    shown = answers["results show results/a"]
    assert shown.keys() == stored.keys()
    assert shown["result_id"] == stored["result_id"]
    assert shown["method"] == stored["method"]


def test_answers_agree_with_each_other(answers):
    by_name = {line.split()[0] + " " + line.split()[1]: value for line, value in answers.items()}
    assert by_name["data prepare"] == by_name["data info"]
    assert by_name["data prepare"]["fingerprint"] == by_name["data verify"]["fingerprint"]
    assert by_name["results verify"] == {"results": 2, "problems": []}
    assert len(by_name["results add"]["added"]) == 2
    assert by_name["leaderboard build"]["measured"] == 2
    assert by_name["leaderboard check"] == {"results": 2, "problems": []}
    assert sum(by_name["data split"]["classes"].values()) == 7
    for row in by_name["predict support"]:
        assert row["test0"] + row["test1"] == pytest.approx(1, abs=1e-6)
        assert row[row["class"]] == max(row["test0"], row["test1"])


def test_problems_are_in_the_answer_and_the_exit_code_stays(place, tmp_path):
    shutil.copytree(place / "results", tmp_path / "results")
    file = tmp_path / "results" / "a" / "result.json"
    document = json.loads(file.read_text())
    document["summary"]["accuracy"] += 0.1
    file.write_text(json.dumps(document))
    out, err = fsbench("results", "verify", "results", "--json", code=2, cwd=tmp_path)
    assert json.loads(out)["problems"]
    assert err.startswith("fsbench: ")


def test_numbers_that_json_has_not_are_null():
    value = {"a": [float("nan"), float("inf"), 1.5], "path": Path("x"), "flags": ("b",), 3: None}
    assert plain(value) == {"a": [None, None, 1.5], "path": "x", "flags": ["b"], "3": None}
