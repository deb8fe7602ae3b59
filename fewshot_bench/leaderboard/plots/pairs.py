"""Differences of pairs of methods on the same episodes."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewshot_bench.evaluation.numbers import p_words
from fewshot_bench.leaderboard.plots.style import (
    ACCENT,
    FAINT,
    INK,
    SOFT,
    legend_below,
    new_figure,
    percent_axis,
    row_axis,
    row_note,
    styled,
)


@dataclass(frozen=True)
class Difference:
    """One pair, first minus second; fractions.

    Attributes:
        name: the pair.
        mean: mean difference.
        low, high: limits of its interval.
        p: two-sided p value, adjusted for the number of pairs.
        detectable: difference that such a study finds with 80 % power.
    """

    name: str
    mean: float
    low: float
    high: float
    p: float
    detectable: float


@styled
def pairs_plot(
    differences: Sequence[Difference], title: str = "", alpha: float = 0.05, note: str = ""
) -> Figure:
    """Draw one row per pair, in the order given.

    A filled marker says that the adjusted p is at most ``alpha``; the grey band around zero shows
    which differences the study would miss more often than one time in five.
    """
    figure, axes = new_figure(0.9 + 0.17 * len(differences), title)
    axes.use_sticky_edges = False  # bars would take the margin from what reaches beyond them
    axes.axvline(0, color=SOFT, linewidth=0.8)
    for row, difference in enumerate(differences):
        _draw(axes, row, difference, alpha)
    row_axis(axes, [difference.name for difference in differences])
    axes.margins(x=0.06)
    axes.grid(axis="x")
    percent_axis(axes.xaxis, "difference of accuracies (points)", note)
    legend_below(figure, axes)
    return figure


def _draw(axes: Axes, row: int, difference: Difference, alpha: float) -> None:
    found = difference.p <= alpha
    colour = ACCENT if found else INK
    axes.barh(
        row,
        2 * difference.detectable,
        0.8,
        left=-difference.detectable,
        color=FAINT,
        label="too small to be found reliably",
    )
    axes.plot([difference.low, difference.high], [row, row], color=colour, linewidth=1.4)
    axes.plot(
        [difference.mean],
        [row],
        "o",
        color=colour,
        markerfacecolor=colour if found else "white",
        label="differ" if found else "not told apart",
    )
    row_note(axes, row, p_words(difference.p))
