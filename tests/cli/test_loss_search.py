"""``fsbench loss search`` and ``loss show`` as a user calls them."""

import json
import sys

import pytest

from fewshot_bench.inner.losses.loss_file import read_loss
from tests.cli.common import fails, fsbench

QUICK = ["--data", "wine", "--model", "linear", "--population", 5, "--steps", 5]
QUICK += ["--local-steps", 2, "--protocol-steps", 5]


@pytest.mark.parametrize("method", ["evomal", "taylorglo"])
def test_search_and_show(method, tmp_path):
    loss, plot = tmp_path / "loss.json", tmp_path / "loss.svg"
    command = ["loss", "search", "-m", method, *QUICK, "--out", loss]
    out, err = fsbench(*command, "--generations", 1)
    assert "5 candidates in 1 generations" in out
    assert err.startswith("generation 1/1  best 0.")
    out, err = fsbench(*command, "--generations", 2)
    assert err.startswith("generation 2/2")
    assert "10 candidates in 2 generations" in out
    written = loss.read_bytes()
    assert fsbench(*command, "--generations", 2) == (out, "")
    assert loss.read_bytes() == written
    shown, _ = fsbench("loss", "show", loss, "--plot", plot)
    assert f"validation error of a short training: {read_loss(loss).fitness:.4f}" in shown
    assert '"model": "linear"' in shown
    assert b"<svg" in plot.read_bytes()


def test_a_found_loss_can_be_compared(tmp_path):
    loss = tmp_path / "loss.json"
    table = {"schema": 1, "kind": "symbolic", "task": "classification"}
    table |= {"expression": "square(sub(y,f(x)))", "weights": [1.0, 1.0, 1.0]}
    loss.write_text(json.dumps(table))
    command = ["loss", "compare", "--data", "wine", "--model", "linear", "--steps", 3]
    out, _ = fsbench(*command, "--losses", f"cross_entropy,{loss}", "--seeds", "0,1")
    assert str(loss) in out


def test_losses_can_be_analysed(tmp_path):
    plot = tmp_path / "push.svg"
    out, _ = fsbench("loss", "analyse", "--losses", "cross_entropy,sparse_lsr", "--plot", plot)
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["cross_entropy", "+0.900", "+1.000", "+0.000", "never"],
        ["sparse_lsr", "+0.810", "+0.910", "-0.090", "0.910"],
    ]
    assert b"<svg" in plot.read_bytes()
    assert "must end in .png" in fails("loss", "analyse", "--plot", tmp_path / "push.x")
    assert "takes names" in fails("loss", "analyse", "--losses", ",")
    assert "has to be learned first" in fails("loss", "analyse", "--losses", "ml3")


def test_mistakes_are_one_line(tmp_path):
    out = tmp_path / "loss.json"
    assert "method must be one of evomal" in fails("loss", "search", "-m", "x", "--out", out)
    assert "ending in .json" in fails("loss", "search", "--out", tmp_path / "x.txt")
    assert "unknown data set" in fails("loss", "search", "--data", "x", "--out", out)
    assert "does not exist" in fails("loss", "show", out)
    out.write_text(
        '{"schema": 1, "kind": "symbolic", "task": "classification", "weights": [],'
        ' "expression": "import(y)"}'
    )
    assert "unknown operator 'import'" in fails("loss", "show", out)


@pytest.mark.parametrize("package", ["deap", "cma"])
def test_missing_packages_are_named(package, tmp_path, monkeypatch):
    for name in [n for n in sys.modules if n.startswith("fewshot_bench.search")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    method = "evomal" if package == "deap" else "taylorglo"
    command = ["loss", "search", "-m", method, *QUICK, "--generations", 2]
    line = fails(*command, "--out", tmp_path / "loss.json")
    assert "pip install 'fewshot-bench[search]'" in line


def test_text_of_a_stranger_can_not_control_the_terminal(tmp_path):
    loss = tmp_path / "loss.json"
    table = {"schema": 1, "kind": "symbolic", "task": "classification", "expression": "f(x)"}
    loss.write_text(json.dumps({**table, "weights": [], "provenance": {"\x1b[31m": "\x1b[2J\n"}}))
    shown, _ = fsbench("loss", "show", loss)
    assert "\x1b" not in shown
    assert "[2J" in shown


def test_a_plot_needs_a_known_ending(tmp_path):
    loss = tmp_path / "loss.json"
    table = {"schema": 1, "kind": "symbolic", "task": "regression", "expression": "f(x)"}
    loss.write_text(json.dumps({**table, "weights": []}))
    _, err = fsbench("loss", "show", loss, "--plot", tmp_path / "x.foo", code=2)
    assert (
        err
        == f"fsbench: can't draw {tmp_path / 'x.foo'}: its name must end in .png, .svg or .pdf\n"
    )
