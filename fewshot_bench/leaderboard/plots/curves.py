"""Accuracy on validation episodes while training goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fewshot_bench.leaderboard.plots.style import (
    Look,
    in_legend,
    legend_below,
    legend_height,
    looks,
    new_figure,
    percent_axis,
    styled,
)
from fewshot_bench.stats.validate import Floats


@dataclass(frozen=True, eq=False)
class Curve:
    """One method's validations.

    Attributes:
        name: method.
        runs: of each training seed the steps, shape (n,), and the accuracies there, fractions.
    """

    name: str
    runs: tuple[tuple[Floats, Floats], ...]


@styled
def learning_curves(curves: Sequence[Curve], title: str = "") -> Figure:
    """Draw the mean over seeds of each method, and each seed as a thin line behind it.

    The mean is drawn at steps that all seeds of the method have been through.
    """
    height = 2.1 + legend_height([curve.name for curve in curves])
    figure, axes = new_figure(height, title)
    for curve, look in zip(curves, looks(len(curves)), strict=True):
        if len(curve.runs) > 1:
            for steps, values in curve.runs:
                axes.plot(steps, values, color=look.colour, linewidth=0.5, alpha=0.55)
        _draw_mean(axes, curve, look)
    axes.grid()
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.set_xlabel("training step")
    percent_axis(axes.yaxis, "validation accuracy (%)")
    legend_below(figure, axes)
    return figure


def _draw_mean(axes: Axes, curve: Curve, look: Look) -> None:
    steps, mean = mean_curve(curve)
    axes.plot(
        steps,
        mean,
        color=look.colour,
        linestyle=look.line,
        marker=look.marker,
        markevery=max(1, len(steps) // 8),
        label=in_legend(curve.name),
    )


def mean_curve(curve: Curve) -> tuple[Floats, Floats]:
    """Steps common to all runs, shape (n,), and the mean accuracy there."""
    common = set.intersection(*(set(steps.tolist()) for steps, _ in curve.runs))
    steps = np.array(sorted(common))
    values = [accuracy[np.isin(at, steps)] for at, accuracy in curve.runs]
    return steps, np.mean(values, axis=0)
