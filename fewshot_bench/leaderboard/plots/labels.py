"""Names beside points, where they cover neither each other nor another point."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from fewshot_bench.leaderboard.plots.style import short

# Where a name may stand around its point, in points, by preference.
PLACES = [
    (x, y, align, valign)
    for d in (5, 11, 19)
    for x, y, align, valign in (
        (d, 0, "left", "center"),
        (-d, 0, "right", "center"),
        (0, d, "center", "bottom"),
        (0, -d, "center", "top"),
        (d * 0.7, d * 0.7, "left", "bottom"),
        (d * 0.7, -d * 0.7, "left", "top"),
        (-d * 0.7, d * 0.7, "right", "bottom"),
        (-d * 0.7, -d * 0.7, "right", "top"),
    )
]
RADIUS = 3  # points: half of a marker, and some air

XY = tuple[float, float]


def place_labels(
    figure: Figure,
    axes: Axes,
    points: Sequence[tuple[float, float, str]],
    avoid: Sequence[tuple[XY, XY]] = (),
) -> None:
    """Name each point ``(x, y, name)``, the first place that covers nothing being taken.

    Axes must have their final limits. Where all places are taken the least covered one is used.

    Args:
        figure: the figure of the axes.
        axes: where the points lie.
        points: their positions in the units of the data.
        avoid: opposite corners of what is to stay free besides the points.
    """
    figure.draw_without_rendering()
    radius = RADIUS * figure.dpi / 72
    corners = [((x, y), (x, y)) for x, y, _ in points] + list(avoid)
    taken = [Bbox(axes.transData.transform(pair)).padded(radius) for pair in corners]
    for x, y, name in points:
        label = axes.annotate(short(name), (x, y), (0, 0), textcoords="offset points", fontsize=6.5)
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.3, "alpha": 0.75})
        label.set_in_layout(False)
        taken.append(_settle(label, axes.bbox, taken))


def _settle(label: Annotation, room: Bbox, taken: list[Bbox]) -> Bbox:
    """Move a label to its place and return the box it covers, in pixels."""
    scored = []
    for rank, place in enumerate(PLACES):
        _move(label, place)
        box = label.get_window_extent()
        outside = box.width * box.height - _common(box, room)
        scored.append((outside + sum(_common(box, other) for other in taken), rank, box))
    _, rank, box = min(scored, key=lambda entry: entry[:2])
    _move(label, PLACES[rank])
    return box


def _move(label: Annotation, place: tuple[float, float, str, str]) -> None:
    x, y, align, valign = place
    label.set_position((x, y))
    label.set(ha=align, va=valign)


def _common(a: Bbox, b: Bbox) -> float:
    """Area that two boxes share."""
    both = Bbox.intersection(a, b)
    return 0.0 if both is None else float(both.width * both.height)
