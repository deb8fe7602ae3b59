"""How often each method does at least so well: the whole distribution, not only its mean."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from fewshot_bench.leaderboard.plots.style import (
    FAINT,
    in_legend,
    legend_below,
    legend_height,
    looks,
    new_figure,
    percent_axis,
    styled,
)
from fewshot_bench.stats import performance_profile

GRID = 201  # thresholds
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
    """
    figure, axes = new_figure(2.1 + legend_height(names), title)
    least = min(float(np.min(values)) for values in scores)
    most = max(float(np.max(values)) for values in scores)
    thresholds = np.linspace(max(0.0, least - 0.01), most, GRID)
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
