"""Which tables there are, in which order, and how their files are called."""

from collections.abc import Iterable
from dataclasses import dataclass

from fewshot_bench.files import safe_name, sha256
from fewshot_bench.leaderboard.board import Board, Leaderboard, Pool, Row
from fewshot_bench.leaderboard.tables.columns import Column

SETTING_NAMES = {
    "inductive": "inductive",
    "transductive_bn": "transductive by batch normalisation",
    "transductive": "transductive",
    "unknown": "setting unknown",
}
LEARNED_NAMES = {
    "cross-domain": "cross-domain (trained on another benchmark)",
    "external": "external data",
}


@dataclass(frozen=True)
class Table:
    """A board as a table shows it.

    Attributes:
        board: where it comes from.
        rows: measured ones first, sorted within each pool.
        pools: of its measured rows.
    """

    board: Board
    rows: tuple[Row, ...]
    pools: tuple[Pool, ...]


def benchmarks(leaderboard: Leaderboard) -> dict[str, list[Board]]:
    """Boards by benchmark."""
    found: dict[str, list[Board]] = {}
    for board in leaderboard.boards:
        found.setdefault(board.benchmark, []).append(board)
    return found


def make_table(leaderboard: Leaderboard, board: Board, sort: Column) -> Table:
    """Sort the rows of a board; measured and published ones, and pools, don't mix."""
    pools = pools_of(leaderboard, board)
    rows: list[Row] = []
    for pool in pools:
        rows += _sorted((row for row in board.measured if row.pool == pool.id), sort)
    return Table(board, (*rows, *_sorted(board.published, sort)), pools)


def pools_of(leaderboard: Leaderboard, board: Board) -> tuple[Pool, ...]:
    """Pools of the measured rows of a board, the largest first."""
    ids = {row.pool for row in board.measured}
    return tuple(pool for pool in leaderboard.pools if pool.id in ids)


def _sorted(rows: Iterable[Row], column: Column) -> list[Row]:
    return sorted(rows, key=column.key)  # stable: equal rows keep the order of the board


def title(board: Board) -> str:
    """``5-way 1-shot, inductive``, and what models have learned from where it sets them apart."""
    apart = f", {LEARNED_NAMES[board.learned]}" if board.learned in LEARNED_NAMES else ""
    return f"{board.task}, {SETTING_NAMES[board.setting]}{apart}"


def file_stem(benchmark: str) -> str:
    """A file name for a benchmark; different benchmarks never share one."""
    safe = safe_name(benchmark)
    return safe if safe == benchmark else f"{safe}-{sha256(benchmark.encode())[:6]}"
