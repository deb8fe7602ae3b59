"""The heat map of a grid, each cell with its accuracy and interval."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewshot_bench.errors import ConfigError
from fewshot_bench.grids.table import Entry, Grid, by_method, shots
from fewshot_bench.leaderboard.plots.style import INK, new_figure, short, styled

ROW, NAMES, CELL = 0.17, 1.5, 0.85  # inches
SHADES = "cividis"  # its lightness grows with the value, also in grey and for the colour-blind
DARK = 0.5  # share of the range below which a shade is dark


@styled
def picture(grid: Grid) -> Figure:
    """Rows are methods, best first; columns embeddings, once for each number of shots.

    Raises:
        ConfigError: there is no cell.
    """
    if not grid.entries:
        raise ConfigError("the grid has no cell that could be drawn")
    columns = [
        (n_shot, name)
        for n_shot in shots(grid.entries)
        for name in dict.fromkeys(e.embedding for e in grid.entries if e.n_shot == n_shot)
    ]
    cells = {(e.method, e.n_shot, e.embedding): e for e in grid.entries}
    rows = [method for method, _, _ in by_method(grid.entries)]
    means = np.full((len(rows), len(columns)), np.nan)
    for i, method in enumerate(rows):
        for j, column in enumerate(columns):
            if entry := cells.get((method, *column)):
                means[i, j] = entry.interval.mean
    order = np.argsort(-np.nan_to_num(np.nanmean(means, axis=1)), kind="stable")
    rows, means = [rows[i] for i in order], means[order]
    height, width = 0.9 + ROW * len(rows), NAMES + CELL * len(columns)
    figure, axes = new_figure(height, f"Accuracy in %, {grid.sampler} episodes", width)
    # Columns are shaded each by itself: more shots would hide what differs among methods.
    low, high = np.nanmin(means, axis=0), np.nanmax(means, axis=0)
    shares = (means - low) / np.where(high > low, high - low, 1.0)
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    _label(axes, rows, columns)
    for i, method in enumerate(rows):
        for j, column in enumerate(columns):
            if entry := cells.get((method, *column)):
                ink = "white" if shares[i, j] < DARK else INK
                axes.text(j, i, _words(entry), ha="center", va="center", color=ink, fontsize=6)
    return figure


def _label(axes: Axes, rows: Sequence[str], columns: Sequence[tuple[int, str]]) -> None:
    axes.set_yticks(range(len(rows)), [short(row) for row in rows])
    names = [f"{short(name, 16)}\n{n_shot}-shot" for n_shot, name in columns]
    axes.set_xticks(range(len(columns)), names)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _words(entry: Entry) -> str:
    half = 100 * (entry.interval.high - entry.interval.low) / 2
    return f"{100 * entry.interval.mean:.1f} ±{half:.1f}"
