"""A finished picture fitted to its place: width, letters, title, colours, paper or slides."""

from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation, Text

from fewshot_bench.errors import ConfigError
from fewshot_bench.leaderboard.plots.recolour import recolour
from fewshot_bench.leaderboard.plots.style import WIDEST, short

FONT = 7.0  # points, of every picture as it is drawn
STYLES = {"paper": (None, FONT), "slides": (9.0, 16.0)}  # width in inches, letters in points


@dataclass(frozen=True)
class Fit:
    """What is asked of a picture.

    Attributes:
        style: a key of :data:`STYLES`; gives width and letters where they are not asked for.
        width: inches; None for that of the style, or as drawn.
        font: points of its letters; None for those of the style.
        title: in place of its own; "" for none, None to keep its own.
        palette: a key of :data:`fewshot_bench.leaderboard.plots.colours.PALETTES`.
    """

    style: str = "paper"
    width: float | None = None
    font: float | None = None
    title: str | None = None
    palette: str = "okabe-ito"


def fitted(figure: Figure, fit: Fit) -> Figure:
    """Change a figure in place and return it; heights grow with the letters.

    Raises:
        ConfigError: there is no such style or palette.
    """
    if fit.style not in STYLES:
        raise ConfigError(f"there is no style {fit.style!r}; there are {', '.join(STYLES)}")
    recolour(figure, fit.palette)
    usual_width, usual_font = STYLES[fit.style]
    scale = (fit.font or usual_font) / FONT
    width, height = figure.get_size_inches()
    figure.set_size_inches(fit.width or usual_width or width, height * scale)
    if fit.title is not None:
        figure.suptitle(short(fit.title, 2 * WIDEST), x=0.02, ha="left")
    if scale != 1:
        _scale(figure, scale)
    return figure


def _scale(figure: Figure, scale: float) -> None:
    """Letters, lines and markers of a figure, larger or smaller."""
    for axes in figure.axes:
        axes.tick_params(labelsize=FONT * scale, which="both")
    ticks = {id(label) for axes in figure.axes for label in axes.get_xticklabels()}
    ticks |= {id(label) for axes in figure.axes for label in axes.get_yticklabels()}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and id(text) not in ticks:
            text.set_fontsize(float(text.get_fontsize()) * scale)
        if isinstance(text, Annotation) and text.anncoords == "offset points":
            x, y = text.get_position()
            text.set_position((x * scale, y * scale))
    for line in figure.findobj(Line2D):
        if isinstance(line, Line2D):
            line.set_linewidth(line.get_linewidth() * scale)
            line.set_markersize(line.get_markersize() * scale)
