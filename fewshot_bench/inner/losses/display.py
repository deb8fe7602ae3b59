"""The curves of losses, for people."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from fewshot_bench.inner.losses.behaviour import behaviour, losses_at, pushes
from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.fixed import SquaredError
from fewshot_bench.inner.losses.per_output import OutputLoss, Task
from fewshot_bench.inner.losses.symbolic import SymbolicLoss
from fewshot_bench.inner.protocols import InnerLoss

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


def draw_pushes(losses: Mapping[str, InnerLoss], n_classes: int) -> "Figure":
    """Losses and their pushes over the target's probability, all other classes being equal.

    Args:
        losses: frozen, by what they are called. Each is drawn in units of its push at the start,
            where all classes are equally likely, since the scale of a loss means nothing.
        n_classes: C.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    x = torch.linspace(0.001, 0.999, 400, dtype=torch.float64)
    for name, loss in losses.items():
        scale = abs(behaviour(loss, n_classes).start) or 1.0
        values = losses_at(loss, x, n_classes) / scale
        left.plot(x.numpy(), (values - values.min()).numpy(), label=name, linewidth=1.3)
        right.plot(x.numpy(), (pushes(loss, x, n_classes) / scale).numpy(), linewidth=1.3)
    left.set_ylim(0, 5)
    left.set_ylabel("loss above its minimum")
    right.set_ylabel("push on the target's logit")
    right.axhline(0, color="grey", linewidth=0.6)
    left.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.axvline(1 / n_classes, color="grey", linewidth=0.6, linestyle=":")
        axes.set_xlabel("probability of the target")
        axes.spines[["top", "right"]].set_visible(False)
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
