"""Accuracies with their intervals, one row per method."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewshot_bench.evaluation.numbers import points
from fewshot_bench.leaderboard.plots.style import (
    ACCENT,
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
class Bar:
    """One row of an interval plot; accuracies are fractions.

    Attributes:
        name: method, as the row is called.
        mean: accuracy.
        low, high: limits of its interval; None where a publication gives none.
        kind: ``lead`` (measured, may be best), ``measured`` or ``published``.
    """

    name: str
    mean: float
    low: float | None
    high: float | None
    kind: str = "measured"


# Colour, marker and filling of each kind: they differ in all three, so grey is enough.
LOOKS = {
    "lead": (ACCENT, "o", True, "may be best"),
    "measured": (INK, "s", True, "measured"),
    "published": (SOFT, "D", False, "published"),
}


@styled
def interval_plot(
    bars: Sequence[Bar], title: str = "", *, chance: float | None = None, note: str = ""
) -> Figure:
    """Draw one row per bar, the best mean on top.

    Args:
        bars: rows in any order.
        title: above the picture.
        chance: accuracy of guessing, shown as a dotted line if it lies in view.
        note: what the intervals mean, below the axis.
    """
    bars = sorted(bars, key=lambda bar: (-bar.mean, bar.name))
    figure, axes = new_figure(max(1.3, 0.75 + 0.17 * len(bars)), title)
    for row, bar in enumerate(bars):
        _draw(axes, row, bar)
    bold = {row for row, bar in enumerate(bars) if bar.kind == "lead"}
    row_axis(axes, [bar.name for bar in bars], bold)
    axes.margins(x=0.06)
    if chance is not None and axes.get_xlim()[0] < chance:
        axes.axvline(chance, color=SOFT, linestyle=":", linewidth=1, label="chance")
    axes.grid(axis="x")
    percent_axis(axes.xaxis, "accuracy (%)", note)
    if len(set(axes.get_legend_handles_labels()[1])) > 1:
        legend_below(figure, axes)
    return figure


def _draw(axes: Axes, row: int, bar: Bar) -> None:
    colour, marker, filled, label = LOOKS[bar.kind]
    if bar.low is not None and bar.high is not None:
        axes.plot(
            [bar.low, bar.high], [row, row], color=colour, linewidth=1.2, solid_capstyle="butt"
        )
    axes.plot(
        [bar.mean],
        [row],
        marker=marker,
        color=colour,
        markersize=3.4,
        markerfacecolor=colour if filled else "white",
        linestyle="none",
        label=label,
    )
    row_note(axes, row, points(bar.mean))
