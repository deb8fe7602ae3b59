"""Numbers as shades, each with its own text: the part that heat maps have in common."""

from collections.abc import Callable

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from fewshot_bench.leaderboard.plots.colours import luminance
from fewshot_bench.leaderboard.plots.style import INK
from fewshot_bench.stats.validate import Floats

SHADES = "cividis"  # its lightness grows with the value, also in grey and for the colour-blind
MIDDLE = 0.18  # luminance on which black and white letters stand out alike


def heat_map(
    axes: Axes,
    values: Floats,
    text: Callable[[int, int], str],
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw an array of numbers, shape (rows, columns); NaN stays empty.

    Args:
        axes: where to.
        values: what is shown.
        text: what stands in the cell of a row and a column.
        limits: of the shades; None for the lowest and the highest of all values.
    """
    low, high = limits or (np.nanmin(values), np.nanmax(values))
    shares = (values - low) / (high - low if high > low else 1.0)
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    shade = matplotlib.colormaps[SHADES]
    for i, j in zip(*np.nonzero(~np.isnan(values)), strict=True):
        ink = INK if luminance(shade(shares[i, j])[:3]) > MIDDLE else "white"
        axes.text(j, i, text(int(i), int(j)), ha="center", va="center", color=ink, fontsize=6)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
