"""Formulas and curves of found losses."""

import sys

import numpy as np
import pytest
import torch

from fewshot_bench.inner.losses.display import draw
from fewshot_bench.inner.losses.expression import OPERATORS, Expression
from fewshot_bench.inner.losses.loss_file import SymbolicFile, TaylorFile, network_file
from fewshot_bench.inner.losses.network import ml3
from tests.inner.losses.test_loss_file import GOOD


def show(file):
    return file.formula()


def symbolic(text, weights=None, task="classification"):
    n_edges = Expression.parse(text).n_edges
    return SymbolicFile(task=task, expression=text, weights=weights or [1.0] * n_edges)


def test_formulas_are_simplified():
    assert show(symbolic("sub(add(y,f(x)),y)")) == "f"
    found = show(symbolic("mul(-1,mul(y,log(f(x))))", [2.0, 1.0, 1.5, 1.0, 0.25]))
    assert found == "-3*y*log(0.25*Abs(f))"


def test_numbers_keep_three_digits_however_small_and_constants_their_guards():
    assert show(symbolic("sub(y,f(x))", [1.0, 0.00012345])) == "-0.000123*f + y"
    # log(log(1)) is log(1e-7).
    assert show(symbolic("mul(f(x),log(log(+1)))")) == "-16.1*f"
    assert show(symbolic("div(f(x),log(sub(y,y)))")) == "0.0619*f"


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_has_a_notation(name):
    arguments = "f(x),y" if OPERATORS[name] == 2 else "f(x)"
    assert "f" in show(symbolic(f"{name}({arguments})"))


def test_without_sympy_and_for_large_trees_the_tree_is_shown(monkeypatch):
    wide = "f(x)"
    for _ in range(6):
        wide = f"add({wide},{wide})"
    assert show(symbolic(wide)).startswith(f"{wide}, edges weighted by [1, 1, 1")
    monkeypatch.setitem(sys.modules, "sympy", None)
    file = symbolic(GOOD["expression"], [1.0, 1.23456, 0.5, 1.0, 2.0])
    assert show(file) == f"{GOOD['expression']}, edges weighted by [1, 1.23, 0.5, 1, 2]"


@pytest.mark.parametrize("height", [6, 13, 18])
def test_numbers_beyond_measure_are_not_shown(height):
    text = "add(f(x)," + "square(" * height + "+1" + ")" * height + ")"
    assert show(symbolic(text, [1.0] * (height + 1) + [1e300])).startswith("add(")
    assert show(symbolic(text, [1.0] * (height + 1) + [1e-300])) == "f"
    nothing = f"sub({text},{text})"  # infinity minus infinity
    assert show(symbolic(nothing, ([1.0] * (height + 2) + [1e300]) * 2)).startswith("sub(")
    text = "square(" * height + "f(x)" + ")" * height
    assert show(symbolic(text, [1.0] * (height - 1) + [1e300])).startswith("square(")


def test_other_kinds():
    taylor = TaylorFile(task="regression", coefficients=[0.5] * 8)
    assert show(taylor).endswith("[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]")
    phi = ml3(3).init(torch.Generator().manual_seed(0))
    found = show(network_file("ml3", "classification", phi))
    assert found == "ml3's network of width 3, on probabilities"


def test_curves_of_a_classification():
    figure = draw(symbolic(GOOD["expression"]).loss(), "classification", "mine")
    left, right = figure.axes
    assert left.get_title() == "mine"
    assert right.get_title() == "cross-entropy"
    for mine, theirs in zip(left.lines, right.lines, strict=True):
        np.testing.assert_allclose(mine.get_ydata(), theirs.get_ydata())
    ones, zeros = right.lines
    np.testing.assert_allclose(ones.get_ydata(), -np.log(ones.get_xdata()))
    assert not zeros.get_ydata().any()


def test_curves_of_a_regression():
    figure = draw(symbolic("abs(sub(y,f(x)))").loss(), "regression", "mine")
    left, right = figure.axes
    for line, other, y in zip(left.lines, right.lines, (-1, 0, 1), strict=True):
        np.testing.assert_allclose(line.get_ydata(), abs(line.get_xdata() - y))
        np.testing.assert_allclose(other.get_ydata(), (line.get_xdata() - y) ** 2)
