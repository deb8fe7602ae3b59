"""The heat map of a grid, each cell with its accuracy and interval."""

from matplotlib.figure import Figure

from fewshot_bench.errors import ConfigError
from fewshot_bench.grids.table import Grid
from fewshot_bench.leaderboard.plots.grid import Cell, grid_plot


def picture(grid: Grid) -> Figure:
    """Rows are embeddings as the grid calls them, columns methods, panels numbers of shots.

    Raises:
        ConfigError: there is no cell.
    """
    if not grid.entries:
        raise ConfigError("the grid has no cell that could be drawn")
    cells = [
        Cell(
            training=entry.embedding,
            adaptation=entry.method,
            panel=f"{entry.n_shot}-shot",
            mean=entry.interval.mean,
            half_width=(entry.interval.high - entry.interval.low) / 2,
        )
        for entry in sorted(grid.entries, key=lambda entry: entry.n_shot)
    ]
    note = f"{100 * grid.level:g}% {grid.entries[0].interval.estimand} intervals"
    return grid_plot(cells, f"Accuracy in %, {grid.sampler} episodes", note)
