"""Training x adaptation: every classifier on every embedding, as shades with their numbers."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewshot_bench.leaderboard.plots.heat import heat_map
from fewshot_bench.leaderboard.plots.style import COLUMN, new_figure, short, styled
from fewshot_bench.stats.validate import Floats

WIDE, HIGH, NAMES = 0.42, 0.27, 1.3  # inches: a cell, and the names of rows
LEAST = 0.45  # inches: height of a panel that has room for its own name
MOST_ACROSS = 16  # columns that a page has room for
LONGEST = 24  # characters of a name


@dataclass(frozen=True)
class Cell:
    """One classifier on one embedding; accuracies are fractions.

    Attributes:
        training: how the embedding was trained, a row.
        adaptation: classifier, a column.
        panel: what is drawn apart, as ``1-shot``.
        mean: accuracy.
        half_width: of its interval.
    """

    training: str
    adaptation: str
    panel: str
    mean: float
    half_width: float


Table = dict[tuple[str, str, str], Cell]


@styled
def grid_plot(cells: Sequence[Cell], title: str = "", note: str = "") -> Figure:
    """Rows are trainings, columns adaptations, best mean first; each panel has shades of its own.

    Where there are too many adaptations for a page they are rows.

    Args:
        cells: at least one; each place at most once.
        title: above the picture.
        note: what the numbers are, below it.
    """
    table = {(cell.panel, cell.training, cell.adaptation): cell for cell in cells}
    rows, columns = (_best_first(cells, name) for name in ("training", "adaptation"))
    if len(columns) > max(MOST_ACROSS, len(rows)):
        table = {(panel, b, a): cell for (panel, a, b), cell in table.items()}
        rows, columns = columns, rows
    panels = list(dict.fromkeys(cell.panel for cell in cells))
    width = max(COLUMN, NAMES + WIDE * len(columns))
    height = 1.5 + (max(HIGH * len(rows), LEAST) + 0.15) * len(panels)
    figure, first = new_figure(height, title, width)
    first.remove()
    stack = figure.subplots(len(panels), 1, squeeze=False)
    for axes, panel in zip(stack.flat, panels, strict=True):
        _panel(axes, table, panel, rows, columns)
    for axes in stack.flat[1:]:
        axes.set_xticklabels([])
    if note:
        figure.supxlabel(note, fontsize=7)
    return figure


def _panel(
    axes: Axes, table: Table, panel: str, rows: Sequence[str], columns: Sequence[str]
) -> None:
    found = [[table.get((panel, row, column)) for column in columns] for row in rows]
    means = np.array([[cell.mean if cell else np.nan for cell in line] for line in found])
    halves = np.array([[cell.half_width if cell else np.nan for cell in line] for line in found])
    heat_map(axes, means, functools.partial(_words, means, halves))
    axes.set_yticks(range(len(rows)), [short(row, LONGEST) for row in rows], fontsize=7)
    names = [short(column, LONGEST) for column in columns]
    axes.set_xticks(
        range(len(columns)), names, fontsize=7, rotation=45, ha="left", rotation_mode="anchor"
    )
    axes.set_ylabel(panel, fontsize=7)


def _words(means: Floats, halves: Floats, i: int, j: int) -> str:
    """A mean and, where it is known, half of its interval."""
    half = f"\n±{100 * halves[i, j]:.1f}" if np.isfinite(halves[i, j]) else ""
    return f"{100 * means[i, j]:.1f}{half}"


def _best_first(cells: Sequence[Cell], name: str) -> list[str]:
    """Names of rows or columns by the mean of their cells."""
    means: dict[str, list[float]] = {}
    for cell in cells:
        means.setdefault(getattr(cell, name), []).append(cell.mean)
    return sorted(means, key=lambda one: -float(np.mean(means[one])))
