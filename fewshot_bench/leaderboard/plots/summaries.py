"""Pictures of what several boards say of one benchmark: trainings, and numbers of queries."""

import itertools
from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from fewshot_bench.evaluation.protocol import task_slug, task_words
from fewshot_bench.files import safe_name
from fewshot_bench.leaderboard.board import Leaderboard, Row
from fewshot_bench.leaderboard.plots.across import Slope, slope_plot
from fewshot_bench.leaderboard.plots.grid import Cell, grid_plot
from fewshot_bench.stats import Interval

LEAST = 4  # methods without which a picture says no more than a table


def summary_pictures(leaderboard: Leaderboard) -> Iterator[tuple[str, Figure]]:
    """A name for the files and a figure, for each heat map and slope chart that has enough rows."""
    rows = [
        row
        for board in leaderboard.boards
        for row in board.measured
        if row.learned == "own" and not row.short and row.low is not None and row.shot
    ]
    yield from _heat_maps(rows)
    yield from _slope_charts(rows)


def _heat_maps(rows: Sequence[Row]) -> Iterator[tuple[str, Figure]]:
    """One for each benchmark, number of ways and sampler; shots are panels."""

    def key(row: Row) -> tuple[str, int, str]:
        return row.benchmark, row.way or 0, row.sampler

    trained = sorted((row for row in rows if row.training), key=key)
    for (benchmark, way, sampler), group in itertools.groupby(trained, key):
        cells = _cells(list(group))
        if len({cell.adaptation for cell in cells}) < LEAST:
            continue
        title = ", ".join(filter(None, (benchmark, f"{way}-way", sampler, "accuracy in %")))
        stem = "-".join(filter(None, (benchmark, f"{way}-way", sampler, "heat")))
        yield safe_name(stem.replace(", ", "-").replace(" ", "-")), grid_plot(cells, title)


def _cells(rows: Sequence[Row]) -> list[Cell]:
    """The best row of each place, where settings that the names don't tell make several."""
    best: dict[tuple[int, str, str], Row] = {}
    several = len({row.backbone for row in rows}) > 1
    for row in rows:
        training = f"{row.training}, {row.backbone}" if several else row.training
        key = row.shot or 0, training, row.method
        if key not in best or row.accuracy > best[key].accuracy:
            best[key] = row
    return [
        Cell(training, method, f"{shot}-shot", row.accuracy, _half_width(row))
        for (shot, training, method), row in sorted(best.items())
    ]


def _slope_charts(rows: Sequence[Row]) -> Iterator[tuple[str, Figure]]:
    """One for each task that some methods were measured for with another sampler, too."""

    def key(row: Row) -> tuple[str, int, int]:
        return row.benchmark, row.way or 0, row.shot or 0

    for (benchmark, way, shot), group in itertools.groupby(sorted(rows, key=key), key):
        members = list(group)
        for sampler in sorted({row.sampler for row in members} - {""}):
            methods = _slopes(members, sampler)
            if len(methods) >= LEAST:
                stem = f"{benchmark}-{task_slug(way, shot, sampler)}-slope"
                title = f"{benchmark}, {task_words(way, shot)}"
                yield safe_name(stem), slope_plot(methods, sampler, title)


def _slopes(rows: Sequence[Row], sampler: str) -> list[Slope]:
    """Methods with both, named with the training and backbone where these differ."""
    equal = {_same(row): row for row in rows if not row.sampler}
    pairs = [
        (equal[_same(row)], row) for row in rows if row.sampler == sampler and _same(row) in equal
    ]
    trainings = {row.training for _, row in pairs if row.training}
    backbones = {row.backbone for _, row in pairs}
    slopes = []
    for left, right in pairs:
        told = [right.training] if len(trainings) > 1 else []
        told += [right.backbone] if len(backbones) > 1 else []
        name = ", ".join(filter(None, (right.method, *told)))
        slopes.append(Slope(name, _interval(left), _interval(right)))
    return slopes


def _same(row: Row) -> tuple[str, str, str, str]:
    return row.method, row.backbone, row.training, row.note


def _half_width(row: Row) -> float:
    low, high = _limits(row)
    return (high - low) / 2


def _limits(row: Row) -> tuple[float, float]:
    if row.low is None or row.high is None:
        return row.accuracy, row.accuracy
    return row.low, row.high


def _interval(row: Row) -> Interval:
    low, high = _limits(row)
    n = row.episodes or 1
    return Interval(
        mean=row.accuracy, low=low, high=high, half_width=_half_width(row), n=n, df=float(n)
    )
