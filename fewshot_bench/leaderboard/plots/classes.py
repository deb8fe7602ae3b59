"""Accuracy of each class: which ones a method fails on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from fewshot_bench.leaderboard.plots.heat import heat_map
from fewshot_bench.leaderboard.plots.style import (
    COLUMN,
    in_legend,
    legend_below,
    looks,
    new_figure,
    percent_axis,
    row_axis,
    short,
    styled,
)
from fewshot_bench.stats.validate import Floats

MOST = 40  # rows that still fit on a page
FEW = 4  # methods whose intervals can be told apart in one row


@dataclass(frozen=True, eq=False)
class ClassAccuracies:
    """One method; arrays have one entry per class, fractions, NaN for classes never tested.

    Attributes:
        name: method.
        mean: accuracy on queries of the class.
        low, high: limits of its interval.
    """

    name: str
    mean: Floats
    low: Floats
    high: Floats


@styled
def classes_plot(
    methods: Sequence[ClassAccuracies],
    class_names: Sequence[str],
    title: str = "",
    note: str = "",
) -> Figure:
    """Draw a row per class, the hardest on top; of many classes only the hardest are shown.

    Args:
        methods: one or several methods.
        class_names: of all classes, in the order of the arrays.
        title: above the picture.
        note: what more is to be known, below the axis.

    With more than :data:`FEW` methods they are columns of a heat map, for a dozen intervals in a
    row can't be read.
    """
    hardest = hardest_classes(methods)
    if len(methods) > FEW:
        return _heat_map(methods, class_names, hardest, title, note)
    shown, step = hardest[:MOST], 0.08
    figure, axes = new_figure(0.8 + (0.08 + step * len(methods)) * len(shown), title)
    dodge = (np.arange(len(methods)) - (len(methods) - 1) / 2) * step / (0.08 + step * len(methods))
    for method, look, down in zip(methods, looks(len(methods)), dodge, strict=True):
        rows = np.arange(len(shown)) + down
        axes.hlines(rows, method.low[shown], method.high[shown], color=look.colour, linewidth=0.8)
        axes.plot(
            method.mean[shown],
            rows,
            look.marker,
            color=look.colour,
            markersize=3.2,
            label=in_legend(method.name),
        )
    row_axis(axes, [class_names[i] for i in shown])
    for row in range(len(shown) - 1):
        axes.axhline(row + 0.5, color="#eef0f3", linewidth=0.5, zorder=0)
    axes.grid(axis="x")
    part = (
        f"the {len(shown)} hardest of {len(hardest)} classes" if len(shown) < len(hardest) else ""
    )
    percent_axis(axes.xaxis, "accuracy (%)", "; ".join(filter(None, (part, note))))
    legend_below(figure, axes)
    return figure


def _heat_map(
    methods: Sequence[ClassAccuracies],
    class_names: Sequence[str],
    hardest: list[int],
    title: str,
    note: str,
) -> Figure:
    """Rows are classes, columns methods, best first; shades are those of the whole picture."""
    shown = hardest[:MOST]
    methods = sorted(methods, key=lambda method: -float(np.mean(method.mean[hardest])))
    means = np.stack([method.mean[shown] for method in methods], axis=1)
    width = max(COLUMN, 1.2 + 0.34 * len(methods))
    figure, axes = new_figure(1.5 + 0.13 * len(shown), title, width)
    heat_map(axes, means, lambda i, j: f"{100 * means[i, j]:.0f}")
    axes.set_yticks(range(len(shown)), [short(class_names[i], 22) for i in shown])
    names = [short(method.name, 22) for method in methods]
    axes.set_xticks(range(len(methods)), names, rotation=60, ha="left", rotation_mode="anchor")
    which = f"the {len(shown)} hardest of " if len(shown) < len(hardest) else "all "
    said = f"accuracy (%) on {which}{len(hardest)} classes"
    axes.set_xlabel("\n".join(filter(None, (said, note))))
    return figure


def hardest_classes(methods: Sequence[ClassAccuracies]) -> list[int]:
    """Indices of the classes that every method was tested on, lowest mean first."""
    mean = np.mean([method.mean for method in methods], axis=0)
    return [int(i) for i in np.argsort(mean, kind="stable") if not np.isnan(mean[i])]
