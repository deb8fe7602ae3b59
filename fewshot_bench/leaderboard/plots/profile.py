"""How often each method does at least so well: the whole distribution, not only its mean."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from fewshot_bench.leaderboard.plots.style import (
    ACCENT,
    COLUMN,
    FAINT,
    INK,
    SOFT,
    in_legend,
    legend_below,
    legend_height,
    looks,
    new_figure,
    percent_axis,
    short,
    styled,
)
from fewshot_bench.stats import performance_profile
from fewshot_bench.stats.validate import Floats

GRID = 201  # thresholds
TOGETHER = 6  # curves that can be told apart in one picture
MARKED = 20  # thresholds from one marker to the next


@styled
def profile_plot(
    names: Sequence[str], scores: Sequence[ArrayLike], title: str = "", of: str = "episodes"
) -> Figure:
    """Draw the share of scores above each threshold.

    Args:
        names: methods.
        scores: of each method, any shape, fractions in [0, 1].
        title: above the picture.
        of: what a score belongs to, for the axis.

    With more than :data:`TOGETHER` methods each has a small picture of its own, with the others in
    grey behind it.
    """
    if len(names) > TOGETHER:
        return _apart(names, scores, title, of)
    figure, axes = new_figure(2.1 + legend_height(names), title)
    thresholds = _thresholds(scores)
    axes.axhline(0.5, color=FAINT, linewidth=1, zorder=0)
    for i, (name, values, look) in enumerate(zip(names, scores, looks(len(names)), strict=True)):
        axes.plot(
            thresholds,
            performance_profile(values, thresholds),
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            markevery=(3 * i % MARKED, MARKED),
            label=in_legend(name),
        )
    axes.grid()
    axes.set_ylim(-0.02, 1.02)
    percent_axis(axes.xaxis, "accuracy (%)")
    percent_axis(axes.yaxis, f"{of} above it (%)")
    legend_below(figure, axes)
    return figure


def _thresholds(scores: Sequence[ArrayLike]) -> Floats:
    least = min(float(np.min(values)) for values in scores)
    most = max(float(np.max(values)) for values in scores)
    return np.linspace(max(0.0, least - 0.01), most, GRID)


def _apart(names: Sequence[str], scores: Sequence[ArrayLike], title: str, of: str) -> Figure:
    """Small multiples: a picture for each method, best mean first, all with the same axes."""
    thresholds = _thresholds(scores)
    curves = [performance_profile(values, thresholds) for values in scores]
    order = sorted(range(len(names)), key=lambda i: -float(np.mean(np.asarray(scores[i]))))
    across = 4 if len(names) > 9 else 3
    down = math.ceil(len(names) / across)
    figure, first = new_figure(0.8 + 1.05 * down, title, 2 * COLUMN)
    first.remove()
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    lowest = range(len(order) - across, len(order))  # panels that no other one stands below
    for place, axes in enumerate(grid.flat):
        if place >= len(order):
            axes.set_axis_off()
            continue
        _small(axes, thresholds, curves, order[place])
        axes.tick_params(labelbottom=place in lowest)
        axes.set_title(short(names[order[place]]), fontsize=7, loc="left")
    figure.supxlabel("accuracy (%)", fontsize=7)
    figure.supylabel(f"{of} above it (%)", fontsize=7)
    return figure


def _small(axes: Axes, thresholds: Floats, curves: Sequence[Floats], own: int) -> None:
    for curve in curves:
        axes.plot(thresholds, curve, color=FAINT, linewidth=0.7)
    axes.plot(thresholds, curves[own], color=ACCENT, linewidth=1.4)
    axes.grid()
    axes.set_ylim(-0.02, 1.02)
    percent_axis(axes.xaxis, "")
    percent_axis(axes.yaxis, "")
    axes.tick_params(labelsize=6, color=SOFT, labelcolor=INK, length=2.5, width=0.6)
