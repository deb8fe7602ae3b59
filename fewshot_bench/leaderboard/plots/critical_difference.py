"""Average ranks of several methods over several data sets (Demsar, JMLR 2006)."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewshot_bench.leaderboard.plots.style import COLUMN, INK, SOFT, new_figure, short, styled
from fewshot_bench.stats import rank_cliques

STEP, TOP = 0.16, 0.5  # inches: from one line of text to the next, and above the axis
FITTING = 16  # characters of the longest name for which one column is wide enough
BAR = 0.07  # inches from one bar to the next


@styled
def cd_diagram(
    names: Sequence[str], ranks: Sequence[float], cd: float, title: str = "", note: str = ""
) -> Figure:
    """Draw methods along an axis of average ranks; bars join those that can't be told apart.

    Args:
        names: methods.
        ranks: their average ranks, 1 = best, in the same order.
        cd: critical difference, for instance of :func:`fewshot_bench.stats.nemenyi_cd`.
        title: above the picture.
        note: what was ranked and tested, below it.
    """
    order = sorted(range(len(names)), key=lambda i: (ranks[i], names[i]))
    groups = rank_cliques(ranks, cd)
    left = (len(names) + 1) // 2
    depth = 0.14 + BAR * len(groups)
    height = TOP + depth + STEP * (left + 0.6)
    longest = max(len(short(name)) for name in names)
    figure, axes = new_figure(height + 0.3, title, COLUMN if longest <= FITTING else 2 * COLUMN)
    axes.axis("off")
    axes.set_ylim(height, 0)
    axes.set_xlim(0.9, len(names) + 0.1)
    _scale(axes, len(names), cd)
    for level, group in enumerate(groups):
        ends = [ranks[i] for i in group]
        _bar(axes, min(ends), max(ends), TOP + 0.1 + BAR * level)
    for place, i in enumerate(order):
        on_left = place < left
        row = place if on_left else len(order) - 1 - place
        _method(axes, short(names[i]), ranks[i], TOP + depth + STEP * (row + 0.6), on_left)
    axes.text(0.5, 0, note, transform=axes.transAxes, ha="center", va="top", color=SOFT)
    return figure


def _scale(axes: Axes, k: int, cd: float) -> None:
    """The axis with its numbers and, above it, the length of the critical difference."""
    axes.plot([1, k], [TOP, TOP], color=INK, linewidth=0.8)
    for rank in range(1, k + 1):
        axes.plot([rank, rank], [TOP - 0.05, TOP], color=INK, linewidth=0.8)
        axes.text(rank, TOP - 0.08, str(rank), ha="center", va="bottom")
    end = min(1 + cd, k)
    axes.annotate("", (1, 0.16), (end, 0.16), arrowprops={"arrowstyle": "|-|,widthA=.2,widthB=.2"})
    more = "" if 1 + cd <= k else " (longer than the axis)"
    axes.text((1 + end) / 2, 0.1, f"CD = {cd:.2f}{more}", ha="center", va="bottom")


def _bar(axes: Axes, first: float, last: float, height: float) -> None:
    axes.plot(
        [first - 0.03, last + 0.03],
        [height, height],
        color=INK,
        linewidth=2.6,
        solid_capstyle="butt",
        label="not distinguished",
    )


def _method(axes: Axes, name: str, rank: float, height: float, on_left: bool) -> None:
    """A line from the axis down and out to the name."""
    low, high = axes.get_xlim()
    edge, align, step = (low, "right", -0.05) if on_left else (high, "left", 0.05)
    axes.plot([rank, rank, edge], [TOP, height, height], color=SOFT, linewidth=0.7, label=name)
    text = f"{name}  {rank:.2f}" if on_left else f"{rank:.2f}  {name}"
    axes.text(edge + step, height, text, ha=align, va="center")
