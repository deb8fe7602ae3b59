"""A found loss for people: its formula, simplified where sympy is installed, and its curves."""

from typing import TYPE_CHECKING, Any

import torch

from fewshot_bench.inner.losses.expression import PREDICTION, TARGET, Expression
from fewshot_bench.inner.losses.fixed import SquaredError
from fewshot_bench.inner.losses.loss_file import LossFile, NetworkFile, TaylorFile
from fewshot_bench.inner.losses.per_output import OutputLoss, Task
from fewshot_bench.inner.losses.symbolic import FUNCTIONS, SymbolicLoss

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# sympy takes very long over large trees, and nobody reads their formula.
MAX_SIMPLIFIED = 80
LARGEST = 1e30  # a formula with numbers beyond this, or below its inverse, tells nobody anything
DIGITS = 3
CROSS_ENTROPY = SymbolicLoss(Expression.parse("mul(-1,mul(y,log(f(x))))"), (1.0,) * 5)


def formula(file: LossFile) -> str:
    """One line: the loss of one output with target y and prediction f.

    The guards of log and sqrt are left out where the argument is not a number, and numbers are
    rounded to three digits.
    """
    if isinstance(file, TaylorFile):
        return f"TaylorGLO's polynomial with coefficients {_rounded(file.coefficients)}"
    if isinstance(file, NetworkFile):
        return f"{file.network}'s network of width {file.width}, on {file.inputs}"
    loss = file.loss()
    simple = simplified(loss)
    return simple or f"{loss.expression}, edges weighted by {_rounded(file.weights)}"


def simplified(loss: SymbolicLoss) -> str | None:
    """Formula in ordinary notation; None without sympy, and for large trees or numbers."""
    if loss.weights is None or len(loss.expression.symbols) > MAX_SIMPLIFIED:
        return None
    try:
        import sympy
    except ImportError:
        return None
    y, f = sympy.Symbol("y", real=True), sympy.Symbol("f", real=True)
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


def _rounded(numbers: list[float]) -> str:
    return "[" + ", ".join(f"{x:.{DIGITS}g}" for x in numbers) + "]"


def draw(loss: OutputLoss, task: Task, title: str) -> "Figure":
    """Curves of a frozen loss, with the usual loss of the task beside them.

    Args:
        loss: without meta-parameters.
        task: ``classification`` draws it against the probability for y = 1 and y = 0, beside
            cross-entropy; ``regression`` against the prediction for y = -1, 0, 1, beside the
            squared error.
        title: over the loss's own curves.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    usual = CROSS_ENTROPY if task == "classification" else SquaredError()
    _curves(left, loss, task)
    _curves(right, usual, task)
    left.set_title(title, fontsize=9)
    right.set_title("cross-entropy" if task == "classification" else "squared error", fontsize=9)
    left.set_ylabel("loss of one output")
    right.legend(frameon=False, fontsize=8)
    return figure


def _curves(axes: "Axes", loss: OutputLoss, task: Task) -> None:
    classes = task == "classification"
    low, high = (0.002, 0.998) if classes else (-3.0, 3.0)
    x = torch.linspace(low, high, 500, dtype=torch.float64)[:, None]
    for y in (1, 0) if classes else (-1, 0, 1):
        values = loss.of_outputs({}, x, torch.full_like(x, y))
        axes.plot(x[:, 0].numpy(), values.numpy(), label=f"y = {y}", linewidth=1.3)
    axes.set_xlabel("predicted probability" if classes else "prediction")
    axes.spines[["top", "right"]].set_visible(False)
