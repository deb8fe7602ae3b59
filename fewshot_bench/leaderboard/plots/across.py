"""Pictures across lists of episodes or data: equal against unequal queries, and cross-domain."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from fewshot_bench.errors import StatisticsError
from fewshot_bench.evaluation.entrants import Entrant
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.numbers import points
from fewshot_bench.leaderboard.plots.heat import heat_map
from fewshot_bench.leaderboard.plots.style import (
    COLUMN,
    looks,
    new_figure,
    percent_axis,
    short,
    styled,
)
from fewshot_bench.stats import Interval
from fewshot_bench.stats.validate import Floats

GAP = 0.13  # inches from one label to the next


@dataclass(frozen=True)
class Slope:
    """One method under two samplers.

    Attributes:
        name: method.
        left: accuracy with equal numbers of queries.
        right: with unequal ones.
    """

    name: str
    left: Interval
    right: Interval


def slopes(entrants: Sequence[Entrant], level: float) -> tuple[list[Slope], str]:
    """Methods that were measured both on the uniform list and on one other.

    Returns:
        The methods, and the other sampler in words.

    Raises:
        StatisticsError: no method has both, or there is more than one other sampler or task.
    """
    found: dict[str, dict[str, Interval]] = {}
    tasks = set()
    for entrant in entrants:
        document = entrant.results[0].document
        protocol = document.protocol
        tasks.add((document.dataset.id, document.dataset.fingerprint, protocol.way, protocol.shot))
        intervals = found.setdefault(entrant.name, {})
        if protocol.sampler.words in intervals:
            raise StatisticsError(f"{entrant.name} has two results of one sampler; name one")
        intervals[protocol.sampler.words] = interval_of(entrant.results, "closed", level)
    others = sorted({words for table in found.values() for words in table} - {""})
    both = [Slope(name, t[""], t[others[0]]) for name, t in found.items() if len(t) == 2]
    if len(others) != 1 or len(tasks) != 1 or not both:
        raise StatisticsError(
            "a slope chart needs methods measured on one task with two samplers: uniform and one"
            f" other; here are {len(tasks)} tasks and {len(others)} other samplers"
        )
    return both, others[0]


@styled
def slope_plot(methods: Sequence[Slope], other: str, title: str = "", note: str = "") -> Figure:
    """A line per method from its accuracy on equal queries to that on unequal ones.

    Args:
        methods: at least one.
        other: the sampler of unequal ones, in words.
        title: above the picture.
        note: below the axis.
    """
    figure, axes = new_figure(max(2.4, 1.1 + 1.8 * GAP * len(methods)), title)
    for method, look in zip(methods, looks(len(methods)), strict=True):
        pair = (method.left, method.right)
        axes.plot(
            [0, 1],
            [one.mean for one in pair],
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            label=method.name,
        )
        for x, one in enumerate(pair):
            axes.plot([x, x], [one.low, one.high], color=look.colour, linewidth=0.6, alpha=0.6)
    heights = [method.right.mean for method in methods]
    low, high = axes.get_ylim()
    least = GAP / (figure.get_size_inches()[1] - 1.0) * (high - low)
    places = spread(heights, least)
    axes.set_ylim(min(low, min(places) - least), max(high, max(places) + least))
    for method, look, at in zip(methods, looks(len(methods)), places, strict=True):
        change = points(method.right.mean - method.left.mean, signed=True).replace("-", "−")
        axes.plot([1, 1.2], [method.right.mean, at], color=look.colour, linewidth=0.4)
        axes.plot([1.2], [at], look.marker, color=look.colour, markersize=3)
        axes.text(1.26, at, f"{short(method.name)} {change}", va="center_baseline")
    axes.set_xlim(-0.15, 2.4)
    axes.set_xticks([0, 1], ["equal\nqueries", other.replace(", ", "\n")])
    axes.grid(axis="y")
    percent_axis(axes.yaxis, "accuracy (%)")
    if note:
        axes.set_xlabel(note)
    return figure


def spread(heights: Sequence[float], least: float) -> list[float]:
    """Heights of labels near those of their points, at least ``least`` from each other.

    Example:
        >>> spread([0.5, 0.5, 0.9], 0.1)
        [0.45, 0.55, 0.9]
    """
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    blocks: list[tuple[list[int], float]] = []  # members from below, their middle
    for i in order:
        members, middle = [i], heights[i]
        while blocks and middle - blocks[-1][1] < least * (len(members) + len(blocks[-1][0])) / 2:
            members = blocks.pop()[0] + members
            middle = sum(heights[k] for k in members) / len(members)
        blocks.append((members, middle))
    placed = [0.0] * len(heights)
    for members, middle in blocks:
        for number, i in enumerate(members):
            placed[i] = round(middle + least * (number - (len(members) - 1) / 2), 9)
    return placed


def transfer_table(entrants: Sequence[Entrant]) -> dict[str, dict[tuple[str, str], float]]:
    """Method -> (trained on, tested on) -> mean accuracy over seeds, a fraction.

    Raises:
        StatisticsError: a method has two results of one cell, or nothing was trained elsewhere.
    """
    table: dict[str, dict[tuple[str, str], float]] = {}
    for entrant in entrants:
        document = entrant.results[0].document
        key = document.checkpoint.training_benchmark or document.dataset.id, document.dataset.id
        cells = table.setdefault(entrant.name, {})
        if key in cells:
            raise StatisticsError(f"{entrant.name}, {' on '.join(key)}: two results; name one")
        cells[key] = float(np.mean([result.accuracy.mean() for result in entrant.results]))
    if not any(a != b for cells in table.values() for a, b in cells):
        raise StatisticsError(
            "nothing was tested on another benchmark than it was trained on; see"
            " docs/howto/cross-domain.md"
        )
    return table


def _cell(values: Floats, i: int, j: int) -> str:
    return points(float(values[i, j]))


@styled
def transfer_plot(
    table: Mapping[str, Mapping[tuple[str, str], float]], title: str = "", note: str = ""
) -> Figure:
    """A matrix for each method: rows are what it was trained on, columns what it was tested on.

    All have the same shades.
    """
    rows = sorted({trained for cells in table.values() for trained, _ in cells})
    columns = sorted({tested for cells in table.values() for _, tested in cells})
    panel = 0.8 + 0.62 * len(columns)
    across = min(len(table), max(1, int(2 * COLUMN / panel)))
    down = -(-len(table) // across)
    height, width = 1.0 + (0.55 + 0.3 * len(rows)) * down, max(COLUMN, 0.9 + panel * across)
    figure, first = new_figure(height, title, width)
    first.remove()
    grid = figure.subplots(down, across, squeeze=False)
    known = [value for cells in table.values() for value in cells.values()]
    for axes in grid.flat[len(table) :]:
        axes.set_axis_off()
    for axes, (name, cells) in zip(grid.flat, table.items(), strict=False):
        values = np.array([[cells.get((a, b), np.nan) for b in columns] for a in rows])
        heat_map(axes, values, functools.partial(_cell, values), (min(known), max(known)))
        axes.set_yticks(range(len(rows)), [short(row, 20) for row in rows], fontsize=7)
        axes.set_xticks(range(len(columns)), [short(c, 12) for c in columns], fontsize=7)
        axes.set_xlabel(short(name), fontsize=7)
    grid.flat[0].set_ylabel("trained on", fontsize=7)
    figure.supxlabel("; ".join(filter(None, ("columns: tested on", note))), fontsize=7)
    return figure
