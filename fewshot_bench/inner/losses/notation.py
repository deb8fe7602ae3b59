"""A symbolic loss in ordinary notation, simplified by sympy where it is installed."""

from typing import Any

import torch

from fewshot_bench.inner.losses.expression import PREDICTION, TARGET
from fewshot_bench.inner.losses.stored import DIGITS
from fewshot_bench.inner.losses.symbolic import FUNCTIONS, SymbolicLoss

# sympy takes very long over large trees, and nobody reads their formula.
MAX_SIMPLIFIED = 80
LARGEST = 1e30  # a formula with numbers beyond this, or below its inverse, tells nobody anything


def simplified(loss: SymbolicLoss, target: int | None = None) -> str | None:
    """Formula in ordinary notation; None without sympy, and for large trees or numbers.

    Args:
        loss: with frozen weights.
        target: a number to put in for y, for instance 1 for the class that was right.
    """
    if loss.weights is None or len(loss.expression.symbols) > MAX_SIMPLIFIED:
        return None
    try:
        import sympy
    except ImportError:
        return None
    y, f = sympy.Symbol("y", real=True), sympy.Symbol("f", real=True)
    if target is not None:
        y = sympy.Integer(target)
    leaves = {TARGET: y, PREDICTION: f, "+1": sympy.Integer(1), "-1": sympy.Integer(-1)}
    weights = (None, *loss.weights)

    def combine(index: int, parts: list[Any]) -> Any:
        name = loss.expression.symbols[index]
        value = leaves[name] if name in leaves else _sympy_function(name, parts)
        weight = weights[index]
        return value if weight is None else sympy.Float(weight) * value

    tree = loss.expression.fold_indexed(combine)
    if not all(map(_readable, tree.atoms(sympy.Number))):
        return None
    short = {n: _short(n) for n in tree.atoms(sympy.Float)}
    return str(sympy.sstr(tree.xreplace(short), full_prec=False))


def _readable(number: Any) -> bool:
    return number == 0 or bool(number.is_finite and 1 / LARGEST < abs(number) < LARGEST)


def _short(number: Any) -> Any:
    """A sympy number of few digits."""
    import sympy

    value = float(f"{float(number):.{DIGITS}g}")
    return sympy.Integer(value) if value.is_integer() else sympy.Float(value, DIGITS)


def _sympy_function(name: str, parts: list[Any]) -> Any:
    import sympy

    if all(part.is_Number for part in parts):
        # As the loss itself does it, guards included.
        exact = (torch.tensor(float(part), dtype=torch.float64) for part in parts)
        return sympy.Float(FUNCTIONS[name](*exact).item())
    functions = {
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "div": lambda a, b: a / sympy.sqrt(1 + b**2),
        "min": lambda a, b: sympy.Min(a, b, evaluate=False),
        "max": lambda a, b: sympy.Max(a, b, evaluate=False),
        "sign": sympy.sign,
        "square": lambda a: a**2,
        "abs": sympy.Abs,
        "log": lambda a: sympy.log(sympy.Abs(a)),
        "sqrt": lambda a: sympy.sqrt(sympy.Abs(a)),
        "tanh": sympy.tanh,
    }
    return functions[name](*parts)
