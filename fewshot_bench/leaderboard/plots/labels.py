"""Names beside points, where they cover neither each other nor another point."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from fewshot_bench.leaderboard.plots.style import SOFT, short
from fewshot_bench.stats.validate import Floats

XY = tuple[float, float]
Place = tuple[float, float, str, str]

# Where a name may stand around its point, in points, by preference.
PLACES: list[Place] = [
    (x, y, align, valign)
    for d in (5, 11, 19, 28)
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
FAR = 8  # points from a label to its point, from where on a line leads there


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
    pixels = figure.dpi / 72
    corners = [((x, y), (x, y)) for x, y, _ in points] + list(avoid)
    taken = [Bbox(axes.transData.transform(pair)).padded(RADIUS * pixels) for pair in corners]
    for (x, y, name), spot in zip(points, taken[: len(points)], strict=True):
        label = axes.annotate(short(name), (x, y), (0, 0), textcoords="offset points", fontsize=6.5)
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.3, "alpha": 0.75})
        label.set_in_layout(False)
        taken.append(_settle(label, spot, axes.bbox, taken, pixels))
        _lead(axes, taken[-1], spot, pixels)


def _lead(axes: Axes, box: Bbox, spot: Bbox, pixels: float) -> None:
    """A thin line from a label that stands far off to its point."""
    x, y = (spot.p0 + spot.p1) / 2
    near = (min(max(x, box.x0), box.x1), min(max(y, box.y0), box.y1))
    if math.dist(near, (x, y)) <= FAR * pixels:
        return
    ends = axes.transData.inverted().transform([(x, y), near])
    axes.plot(ends[:, 0], ends[:, 1], color=SOFT, linewidth=0.5, zorder=0.5)


def _settle(label: Annotation, spot: Bbox, room: Bbox, taken: list[Bbox], pixels: float) -> Bbox:
    """Move a label to its place around a spot and return the box it covers.

    Boxes are in pixels, of which a point has ``pixels``.
    """
    size = label.get_window_extent()
    middle = (spot.p0 + spot.p1) / 2
    boxes = [_box(middle, place, (size.width, size.height), pixels) for place in PLACES]

    def covered(box: Bbox) -> float:
        outside = box.width * box.height - _common(box, room)
        return outside + sum(_common(box, other) for other in taken)

    best = min(range(len(PLACES)), key=lambda i: (covered(boxes[i]), i))
    x, y, align, valign = PLACES[best]
    label.set_position((x, y))
    label.set(ha=align, va=valign)
    return boxes[best]


def _box(middle: Floats, place: Place, size: XY, pixels: float) -> Bbox:
    """The box of a text of a size in pixels that stands at a place."""
    x, y, align, valign = place
    left = middle[0] + x * pixels - size[0] * {"left": 0, "center": 0.5, "right": 1}[align]
    bottom = middle[1] + y * pixels - size[1] * {"bottom": 0, "center": 0.5, "top": 1}[valign]
    return Bbox.from_bounds(left, bottom, *size)


def _common(a: Bbox, b: Bbox) -> float:
    """Area that two boxes share."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return float(max(0.0, width) * max(0.0, height))
