"""The examples of one file each: short, by the contract, measured by the command line."""

import ast
import json
from pathlib import Path

import pytest

from fewshot_bench.registry import METHODS, run_plugin
from tests.cli.common import fails, fsbench
from tests.tiny import SIZE

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
TINY = ("--image-size", SIZE, "--backbone", "conv4-32", "--n-way", 3, "--n-query", 4)
STEPS = ("train.steps=4", "train.val_every=2", "train.val_episodes=5", "evaluate.episodes=40")
PRETRAINED = ("classify.steps=4", "classify.batch=8", "classify.val_every=2")
PRETRAINED += ("classify.val_episodes=5",)


@pytest.fixture(autouse=True)
def _names(monkeypatch):
    """What a test registers is forgotten after it."""
    METHODS.entry("protonet")  # fills the registry
    monkeypatch.setattr(METHODS, "_entries", dict(METHODS._entries))


def own_lines(source):
    """Lines of code: no blank ones, comments, docstrings or imports."""
    left_out, tree = set(), ast.parse(source)
    for node in ast.walk(tree):
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if text or isinstance(node, ast.Import | ast.ImportFrom):
            left_out |= set(range(node.lineno, node.end_lineno + 1))
    lines = enumerate(source.splitlines(), 1)
    return [t for n, t in lines if n not in left_out and t.strip() and t.strip()[0] != "#"]


def registered(path):
    known = {entry.name for entry in METHODS}
    run_plugin(path)
    [name] = {entry.name for entry in METHODS} - known
    return name


def name_in(path):
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    [name] = [c.args[0].value for c in calls if ast.unparse(c.func) == "METHODS.register"]
    return name


def test_these_are_the_examples():
    names = ["label_propagation", "numpy_method", "proto_maml", "ridge_head"]
    assert [path.stem for path in EXAMPLES] == names


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_is_short_and_keeps_the_contract(path):
    assert 10 < len(own_lines(path.read_text())) <= 40
    words = ("--plugin", path, "--image-size", SIZE, "--n-way", 3)
    out, _ = fsbench("methods", "check", name_in(path), *words)
    assert "problem" not in out
    assert "note" not in out


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_is_trained_and_measured(path, tiny_folder, tmp_path):
    stages = PRETRAINED if path.stem == "label_propagation" else ()
    words = [*STEPS, *(f"stages.{setting}" for setting in stages)]
    chosen = [word for setting in words for word in ("--set", setting)]
    on = ("--benchmark", f"folder:{tiny_folder}", *TINY, *chosen, "--out", tmp_path / "out")
    name = name_in(path)
    out, err = fsbench("evaluate", "--method", name, "--plugin", path, *on)
    assert f"{name} ({METHODS.entry(name).setting})" in out
    info = json.loads((tmp_path / "out" / "result.json").read_text())
    assert info["summary"]["accuracy"] > 0.5
    assert ("step 4/4" in err) == (path.stem != "numpy_method")


def test_label_propagation_asks_for_its_stage(tiny_folder):
    path = EXAMPLES[0]
    on = ("--benchmark", f"folder:{tiny_folder}", *TINY, "--plugin", path)
    assert "stages.classify.steps" in fails("evaluate", "--method", name_in(path), *on)
