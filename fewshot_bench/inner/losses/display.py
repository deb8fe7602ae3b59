"""The curves of a found loss, for people."""

from typing import TYPE_CHECKING

import torch

from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.fixed import SquaredError
from fewshot_bench.inner.losses.per_output import OutputLoss, Task
from fewshot_bench.inner.losses.symbolic import SymbolicLoss

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CROSS_ENTROPY = SymbolicLoss(Expression.parse("mul(-1,mul(y,log(f(x))))"), (1.0,) * 5)


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
