"""The pictures that belong to a leaderboard: of each board its intervals and what they cost."""

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from fewshot_bench.files import safe_name
from fewshot_bench.leaderboard.board import Board, Leaderboard, Row
from fewshot_bench.leaderboard.data_words import data_in_short
from fewshot_bench.leaderboard.plots.cost import Cost, cost_plot
from fewshot_bench.leaderboard.plots.intervals import Bar, interval_plot

MOST_ROWS = 40  # of each kind; what is further down a board is in its table


def board_pictures(leaderboard: Leaderboard) -> Iterator[tuple[str, Figure]]:
    """Yield a name for the files and a figure, for each board that something was measured for."""
    for board in leaderboard.boards:
        measured = board.measured[:MOST_ROWS]
        if not measured:
            continue
        stem = safe_name(board.id.replace("/", "-"))
        note = _data_note(leaderboard, measured)
        yield f"{stem}-interval", board_intervals(board, note)
        timed = [row for row in measured if row.time_s]
        if len(timed) > 1:
            yield f"{stem}-cost", _cost(board, timed, note)


def board_intervals(board: Board, note: str = "") -> Figure:
    """Measured and published rows of one board, each kind with its own marker.

    Args:
        board: the rows.
        note: what the measured ones were measured on, below the axis.
    """
    rows = board.measured[:MOST_ROWS] + board.published[:MOST_ROWS]
    bars = [
        Bar(name, row.accuracy, row.low, row.high, "lead" if row.leads else row.kind)
        for name, row in zip(_names(rows), rows, strict=True)
    ]
    chance = 1 / board.way if board.way else None
    return interval_plot(bars, _title(board), chance=chance, note=note)


def _data_note(leaderboard: Leaderboard, rows: Sequence[Row]) -> str:
    """Which images the measured rows saw: published ones beside them may have seen others."""
    ids = {row.pool for row in rows}
    words = {data_in_short(pool) for pool in leaderboard.pools if pool.id in ids}
    if len(words) > 1:
        return "measured on different data; see the table"
    data = "".join(words)
    return f"measured on {data}" if data else ""


def _cost(board: Board, rows: list[Row], note: str) -> Figure:
    entries = [
        Cost(name, row.time_s or 0.0, row.accuracy, row.low, row.high)
        for name, row in zip(_names(rows), rows, strict=True)
    ]
    return cost_plot(entries, _title(board), note=note)


def _names(rows: Sequence[Row]) -> list[str]:
    """Methods, with backbones and trainings where those differ, and with what else tells twins."""
    names = [row.method for row in rows]
    if len({row.backbone for row in rows}) > 1:
        names = [f"{row.method}, {row.backbone}" for row in rows]
    if len({row.training for row in rows if row.training}) > 1:
        names = [", ".join(filter(None, (n, r.training))) for n, r in zip(names, rows, strict=True)]
    often = {name for name in names if names.count(name) > 1}
    return [
        f"{name}, {row.note}" if name in often and row.note else name
        for name, row in zip(names, rows, strict=True)
    ]


def _title(board: Board) -> str:
    apart = "" if board.learned == "own" else f", {board.learned}"
    return f"{board.benchmark}, {board.task}, {board.setting}{apart}"
