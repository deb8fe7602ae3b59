"""Accuracy against what it costs, and the methods that nothing beats in both."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from fewshot_bench.leaderboard.plots.labels import place_labels
from fewshot_bench.leaderboard.plots.style import (
    SOFT,
    in_legend,
    legend_below,
    legend_height,
    looks,
    new_figure,
    percent_axis,
    styled,
)

FRONT = "Pareto front"
LONGEST_BESIDE = 22  # characters
FEW, AIR = 6, 0.12  # names that have room anyway, and inches of height for each one more
WIDE, HIGH, NEAR = 2.2, 1.2, 0.05  # inches: what all points take, and half of a marker
DECADES = 1.5  # with more, ticks are at powers of ten only


@dataclass(frozen=True)
class Cost:
    """One method; accuracies are fractions.

    Attributes:
        name: method.
        cost: what it takes, more than 0, in the unit of the axis.
        mean: accuracy.
        low, high: limits of its interval; None where it has none.
    """

    name: str
    cost: float
    mean: float
    low: float | None = None
    high: float | None = None


@styled
def cost_plot(
    entries: Sequence[Cost],
    title: str = "",
    xlabel: str = "seconds per test episode",
    *,
    note: str = "",
) -> Figure:
    """Draw accuracy over cost on a logarithmic axis; a line joins the Pareto front.

    Names stand beside their points, or in a legend if one of them is too long for that, or if
    points cover each other. A note goes below the axis.
    """
    names = [entry.name for entry in entries]
    beside = max(map(len, names)) <= LONGEST_BESIDE and not _crowded(entries)
    room = AIR * max(0, len(names) - FEW) if beside else legend_height([*names, FRONT])
    figure, axes = new_figure(2.3 + room, title)
    axes.set_xscale("log")
    for entry, look in zip(entries, looks(len(entries)), strict=True):
        axes.plot([entry.cost] * 2, _limits(entry), color=look.colour, linewidth=1)
        axes.plot(
            entry.cost,
            entry.mean,
            look.marker,
            color=look.colour,
            label=None if beside else in_legend(entry.name),
        )
    _draw_front(axes, pareto_front(entries))
    axes.margins(0.12)
    axes.grid()
    _log_ticks(axes)
    axes.set_xlabel(f"{xlabel}\n{note}" if note else xlabel)
    percent_axis(axes.yaxis, "accuracy (%)")
    legend_below(figure, axes)
    if beside:
        bars = [((e.cost, low), (e.cost, high)) for e in entries for low, high in [_limits(e)]]
        place_labels(figure, axes, [(e.cost, e.mean, e.name) for e in entries], bars)
    return figure


def _crowded(entries: Sequence[Cost]) -> bool:
    """Whether two points are so near that nobody could see which one a name belongs to."""
    limits = [limit for entry in entries for limit in _limits(entry)]
    scale = math.log10(max(e.cost for e in entries) / min(e.cost for e in entries)) or 1.0
    places = [
        (WIDE * math.log10(e.cost) / scale, HIGH * e.mean / (max(limits) - min(limits) or 1.0))
        for e in entries
    ]
    return any(math.dist(a, b) < NEAR for a, b in itertools.combinations(places, 2))


def _draw_front(axes: Axes, front: Sequence[Cost]) -> None:
    axes.plot(
        [entry.cost for entry in front],
        [entry.mean for entry in front],
        drawstyle="steps-post",
        color=SOFT,
        linestyle=":",
        linewidth=1,
        zorder=0,
        label=FRONT,
    )


def _limits(entry: Cost) -> tuple[float, float]:
    if entry.low is None or entry.high is None:
        return entry.mean, entry.mean
    return entry.low, entry.high


def pareto_front(entries: Sequence[Cost]) -> list[Cost]:
    """Entries that no other one beats in one of cost and mean without losing in the other."""
    front: list[Cost] = []
    for entry in sorted(entries, key=lambda entry: (entry.cost, -entry.mean)):
        if not front or entry.mean > front[-1].mean:
            front.append(entry)
    return front


def _log_ticks(axes: Axes) -> None:
    """Plain numbers at powers of ten, and at 2 and 5 times these where there is room."""
    low, high = axes.get_xlim()
    wide = math.log10(high / low) > DECADES
    axes.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5) if wide else ()))
    axes.tick_params(which="minor", length=1.5, width=0.5, color=SOFT)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
