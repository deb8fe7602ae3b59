"""Another palette for a finished picture."""

from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from fewshot_bench.leaderboard.plots.colours import luminance, palette
from fewshot_bench.leaderboard.plots.style import COLOURS, FAINT, INK, SOFT

SHADES = 256  # of a map of colours


def recolour(figure: Figure, name: str) -> None:
    """Change the colours of series in place; letters, axes and grid lines stay as they are.

    In ``grey`` everything is grey, shades as light as they were, so that what is written on them
    stands out as before.

    Raises:
        ConfigError: there is no such palette.
    """
    colours = palette(name)
    if colours == COLOURS:
        return
    new = {one.lower(): colours[i % len(colours)] for i, one in enumerate(COLOURS)}
    new |= {one: one for one in (INK, SOFT, FAINT)}
    grey = name == "grey"

    def changed(colour: Any) -> Any:
        if isinstance(colour, str) and colour.lower() == "none":
            return colour
        known = to_hex(colour)
        return new.get(known, in_grey(known) if grey else known)

    for artist in figure.findobj():
        _change(artist, changed)
        if grey and isinstance(artist, AxesImage):
            artist.set_cmap(_grey_map(artist))


def in_grey(colour: Any) -> str:
    """The grey that is as light."""
    y = luminance(colour)
    level = 12.92 * y if y <= 0.0031308 else 1.055 * y ** (1 / 2.4) - 0.055
    return to_hex((level,) * 3)


def _change(artist: Artist, changed: Callable[[Any], Any]) -> None:
    if isinstance(artist, Line2D):
        face, edge = artist.get_markerfacecolor(), artist.get_markeredgecolor()
        artist.set_color(changed(artist.get_color()))
        artist.set_markerfacecolor(changed(face))
        artist.set_markeredgecolor(changed(edge))
    elif isinstance(artist, Patch) and artist.get_fill():
        filled: Any = artist.get_facecolor()
        if filled[3] == 1:  # what is seen through stays
            artist.set_facecolor(changed(filled))
    elif isinstance(artist, Collection):
        edges: Any = artist.get_edgecolor()
        artist.set_edgecolor([changed(tuple(one)) for one in np.asarray(edges)])


def _grey_map(image: AxesImage) -> ListedColormap:
    """The shades of an image in grey."""
    shades = matplotlib.colormaps[image.get_cmap().name](np.linspace(0, 1, SHADES))
    return ListedColormap([in_grey(shade[:3]) for shade in shades], name="in-grey")
