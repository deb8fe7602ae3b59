"""Which tables there are, their groups, their order, and how their files are called."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fewshot_bench.evaluation.protocol import task_slug
from fewshot_bench.files import safe_name, sha256
from fewshot_bench.leaderboard.board import Board, Leaderboard, Pool, Row
from fewshot_bench.leaderboard.data_words import data_in_short
from fewshot_bench.leaderboard.tables.columns import Column

SETTING_NAMES = {
    "inductive": "inductive",
    "transductive_bn": "transductive by batch normalisation",
    "transductive": "transductive",
    "unknown": "setting unknown",
}
APART_NAMES = {
    "cross-domain": "cross-domain (trained on another benchmark)",
    "external": "external data",
    "short-training": "short training (under 1,000 steps)",
}


@dataclass(frozen=True)
class Group:
    """Rows of a table that may be looked at together; measured ones are ranked together.

    Attributes:
        title: ``measured, inductive``, with what else sets them apart.
        rows: sorted.
        pool: of measured rows; None of published ones.
    """

    title: str
    rows: tuple[Row, ...]
    pool: Pool | None = None


@dataclass(frozen=True)
class Table:
    """All rows of one benchmark and task.

    Attributes:
        benchmark: as in its rows.
        task: way, shot and sampler in words.
        slug: the same for the name of a file.
        groups: measured ones first, in the order of settings; what was trained for a short time
            and what has learned from other data stands behind the others.
    """

    benchmark: str
    task: str
    slug: str
    groups: tuple[Group, ...]

    @property
    def measured(self) -> tuple[Group, ...]:
        """Groups of measured rows."""
        return tuple(group for group in self.groups if group.pool)

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Of the measured rows, each once."""
        return tuple({group.pool.id: group.pool for group in self.groups if group.pool}.values())

    @property
    def rows(self) -> tuple[Row, ...]:
        """Group by group."""
        return tuple(row for group in self.groups for row in group.rows)


def all_tables(leaderboard: Leaderboard, sort: Column) -> list[Table]:
    """The tables of a leaderboard, by benchmark and task."""
    by_task = itertools.groupby(leaderboard.boards, key=lambda b: (b.benchmark, b.task))
    return [make_table(leaderboard, list(boards), sort) for _, boards in by_task]


def make_table(leaderboard: Leaderboard, boards: Sequence[Board], sort: Column) -> Table:
    """The table of boards that share benchmark and task.

    Measured and published rows, and rows of different pools, don't mix.
    """
    usual_first = sorted(boards, key=lambda b: (b.short, b.learned != "own"))  # stable
    several = len({row.pool for board in boards for row in board.measured}) > 1
    groups = [
        Group(_title("measured", board, data_in_short(pool) if several else ""), rows, pool)
        for board in usual_first
        for pool in pools_of(leaderboard, board)
        if (rows := _sorted((row for row in board.measured if row.pool == pool.id), sort))
    ]
    groups += [
        Group(_title("published", board), _sorted(board.published, sort))
        for board in usual_first
        if board.published
    ]
    first = boards[0]
    slug = task_slug(first.way, first.shot, first.sampler)
    return Table(first.benchmark, first.task, slug, tuple(groups))


def pools_of(leaderboard: Leaderboard, board: Board) -> tuple[Pool, ...]:
    """Pools of the measured rows of a board, the largest first."""
    ids = {row.pool for row in board.measured}
    return tuple(pool for pool in leaderboard.pools if pool.id in ids)


def _sorted(rows: Iterable[Row], column: Column) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=column.key))  # stable: equal rows keep the order of the board


def _title(kind: str, board: Board, data: str = "") -> str:
    apart = (board.learned, "short-training" if board.short else "")
    words = [APART_NAMES[name] for name in apart if name in APART_NAMES]
    return ", ".join(filter(None, (kind, SETTING_NAMES[board.setting], *words, data)))


def file_stem(benchmark: str) -> str:
    """A file name for a benchmark; different benchmarks never share one."""
    safe = safe_name(benchmark)
    return safe if safe == benchmark else f"{safe}-{sha256(benchmark.encode())[:6]}"
