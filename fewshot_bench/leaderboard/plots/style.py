"""How every picture looks: one width, one font, colours that survive colour blindness and grey.

A series is told from another by colour, marker and line together, so that any one of them may be
lost; the colours are those of a palette in :mod:`fewshot_bench.leaderboard.plots.colours`.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter

from fewshot_bench.leaderboard.plots.colours import PALETTES

COLUMN = 3.5  # inches: one column of a two-column paper, so that 7 points stay 7 points
COLOURS = PALETTES["okabe-ito"]
INK, SOFT, FAINT, ACCENT = "#1c1e22", "#6a7280", "#d9dce1", COLOURS[0]
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
LONGEST, WIDEST = 30, 46  # characters of a name, and of a line of a title in one column
LINE = 0.14  # inches: a second line of a title

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so it is the same everywhere
    "font.size": 7,
    "text.color": INK,
    "text.parse_math": False,  # a $ in a method's name is a $
    "text.usetex": False,
    "figure.titlesize": 8,
    "figure.titleweight": "bold",
    "axes.labelsize": 7,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "legend.handlelength": 2.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "fewshot_bench",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Look:
    """What one series is drawn with."""

    colour: str
    marker: str
    line: str | tuple[int, tuple[int, ...]]


P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Make a drawing function use the style whatever the caller's settings are."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with style():
            return draw(*args, **kwargs)

    return drawn


@contextmanager
def style() -> Iterator[None]:
    """Within the block matplotlib has the style, after it what it had before."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def new_figure(height: float, title: str = "", width: float = COLUMN) -> tuple[Figure, Axes]:
    """An empty figure with one set of axes; sizes in inches."""
    lines = title_lines(title, int(WIDEST * width / COLUMN))
    size = (width, height + LINE * (len(lines) - 1))
    figure = Figure(size, layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03))
    axes = figure.add_subplot()
    if title:
        figure.suptitle("\n".join(lines), x=0.02, ha="left")
    # Said again here because ticks made while drawing would otherwise follow the caller's settings.
    axes.tick_params(labelsize=7, color=SOFT, labelcolor=INK, length=2.5, width=0.6)
    return figure, axes


def title_lines(title: str, widest: int) -> list[str]:
    """A title in one line, or in two where it can be broken after a comma.

    Example:
        >>> title_lines("cifar-fs, 5-way 1-shot, transductive", 24)
        ['cifar-fs, 5-way 1-shot,', 'transductive']
    """
    text = short(title, 2 * widest)
    comma = text.rfind(", ", 0, widest + 1)
    if len(text) <= widest or comma < 0:
        return [short(text, widest)]
    return [text[: comma + 1], short(text[comma + 2 :], widest)]


def looks(n: int) -> list[Look]:
    """Return n looks; the first 280 differ."""
    parts = zip(*map(itertools.cycle, (COLOURS, MARKERS, LINES)), strict=False)
    return [Look(*part) for part in itertools.islice(parts, n)]


def percent_axis(axis: Axis, label: str, note: str = "") -> None:
    """Show fractions as percent; a note takes a line of its own, since long lines would be cut."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.6g}".replace("-", "−")))
    axis.set_label_text(f"{label}\n{note}" if note else label)


def short(name: str, longest: int = LONGEST) -> str:
    """A text on one line, its middle left out where it is long."""
    text = re.sub(r"[\s\x00-\x1f\x7f]+", " ", name).strip()
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half + 1 :]}"


def in_legend(name: str) -> str:
    """A name as a label that legends show: matplotlib leaves out those that begin with ``_``."""
    return f" {name}" if name.startswith("_") else name


def row_axis(axes: Axes, names: list[str], bold: set[int] | None = None) -> None:
    """Give one row to each name, the first on top, bold ones marked."""
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    for i, label in enumerate(axes.get_yticklabels()):
        if bold and i in bold:
            label.set_fontweight("bold")


def row_note(axes: Axes, row: int, text: str) -> None:
    """Write beside the right end of a row."""
    axes.annotate(
        text,
        (1, row),
        (4, 0),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        va="center_baseline",
        color=INK,
        annotation_clip=False,
    )


def legend_below(figure: Figure, axes: Axes) -> None:
    """Put the legend under the picture, each label once."""
    handles, labels = axes.get_legend_handles_labels()
    entries = dict(zip(labels, handles, strict=True))
    figure.legend(
        entries.values(),
        [in_legend(short(label)) for label in entries],
        loc="outside lower center",
        ncols=_legend_columns(list(entries)),
        columnspacing=1,
    )


def legend_height(labels: Sequence[str]) -> float:
    """Inches that such a legend takes."""
    return 0.1 + 0.15 * math.ceil(len(labels) / _legend_columns(labels))


def _legend_columns(labels: Sequence[str]) -> int:
    """As many columns as the longest label has room for."""
    longest = max((len(short(label)) for label in labels), default=0)
    return max(1, min(len(labels), 62 // (longest + 8)))
