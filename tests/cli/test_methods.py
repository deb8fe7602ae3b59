"""``fsbench methods check``, and measurements that are refused."""

import inspect
import subprocess
import sys

import pytest

from fewshot_bench.registry import METHODS
from tests.cli.common import fails, fsbench
from tests.testing import methods
from tests.tiny import SIZE

FAST = ("--n-way", 3, "--n-query", 4, "--set", "evaluate.episodes=30", "--set", "train.steps=2")
FAST += ("--set", "train.val_every=2", "--set", "train.val_episodes=5", "--image-size", SIZE)


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A file that registers one of the test's methods, forgotten afterwards."""

    def write(kind, setting="inductive"):
        name = kind.__name__
        path = tmp_path / f"{name}.py"
        register = f'METHODS.register("{name}", setting="{setting}")({name})'
        imported = "from fewshot_bench.registry import METHODS"
        path.write_text(f"{inspect.getsource(methods)}\n{imported}\n{register}\n")
        return path

    METHODS.entry("protonet")  # fills the registry
    monkeypatch.setattr(METHODS, "_entries", dict(METHODS._entries))
    return write


def test_each_check_is_a_line():
    lines = fsbench("methods", "check", "protonet", "--image-size", 16)[0].splitlines()
    assert "ok       the declared setting" in lines
    assert all(line.startswith("ok       ") for line in lines)
    assert len(lines) > 20


def test_problems_are_told_and_the_exit_code_is_2(plugin):
    path = plugin(methods.CentresByQueries)
    out, _ = fsbench("methods", "check", "CentresByQueries", "--plugin", path, code=2)
    [problem] = [line for line in out.splitlines() if not line.startswith("ok ")]
    assert problem.startswith("problem  method CentresByQueries: its traits say inductive, but")


def test_notes_are_no_problems(plugin):
    path = plugin(methods.Idle)
    out, _ = fsbench("methods", "check", "Idle", "--plugin", path, "--n-way", 3)
    assert "note     method Idle: no gradient reaches idle" in out


def test_options_can_be_set():
    words = ("methods", "check", "reptile", "--image-size", 16, "--set", "options.test_steps=1")
    assert "problem" not in fsbench(*words)[0]
    assert "only options" in fails(*words, "--set", "train.lr=1")
    assert "no option 'x'" in fails(*words, "--set", "options.x=1")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (methods.CentresByQueries, "its traits say inductive, but its prediction"),
        (methods.ReadsPositions, "wherever it stands"),
        (methods.TunesItself, "must not change what it is given; it changed weight"),
        (methods.EmbedsTogether, "rest of the batch"),
        (methods.VectorLoss, "scalar tensor as loss"),
        (methods.Double, "weight is torch.float64"),
    ],
)
def test_no_number_is_made_of_what_breaks_the_contract(plugin, tiny_folder, tmp_path, kind, words):
    path, out = plugin(kind), tmp_path / "out"
    on = ("--benchmark", f"folder:{tiny_folder}", *FAST, "--plugin", path, "--out", out)
    line = fails("evaluate", "--method", kind.__name__, *on)
    assert line.startswith(f"fsbench: method {kind.__name__}: ")
    assert words in line
    assert not list(out.glob("*"))


def test_the_group_is_known_without_torch():
    code = "import sys, fewshot_bench.cli.app; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
