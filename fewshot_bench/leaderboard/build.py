"""From stored results and published rows to the leaderboard: a pure function of files.

Numbers are rounded before they are written, so that the last bit of another processor's arithmetic
changes nothing.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fewshot_bench.evaluation.protocol import task_slug
from fewshot_bench.leaderboard.board import LEARNED, SETTINGS, SHORT, Board, Leaderboard, Pool, Row
from fewshot_bench.leaderboard.checks.copies import like_another
from fewshot_bench.leaderboard.datasets import Datasets, read_datasets
from fewshot_bench.leaderboard.measured import Stored, read_stored
from fewshot_bench.leaderboard.names import with_distinct_trainings, with_telling_notes
from fewshot_bench.leaderboard.pools import make_pools
from fewshot_bench.leaderboard.published import read_published
from fewshot_bench.leaderboard.rerun import Rerun, read_reruns, verdict_on
from fewshot_bench.leaderboard.rows import measured_row, with_budget_flags

NO_DATASETS: Datasets = {}
NO_RERUNS: Mapping[str, Rerun] = {}
RESULTS, PUBLISHED = "results", "published.csv"


def read_leaderboard(root: Path) -> tuple[Leaderboard, tuple[str, ...]]:
    """Put together what ``results/``, ``published.csv``, ``datasets.csv`` and ``reruns.csv`` hold.

    Returns:
        The leaderboard, and one line for each result file that could not be used.

    Raises:
        DataError: a table is damaged; there may be none.
    """
    stored = read_stored(root / RESULTS)
    table = root / PUBLISHED
    published = read_published(table) if table.exists() else []
    leaderboard = build_leaderboard(stored, published, read_datasets(root), read_reruns(root))
    return leaderboard, stored.problems


def build_leaderboard(
    stored: Stored,
    published: Sequence[Row],
    datasets: Datasets = NO_DATASETS,
    reruns: Mapping[str, Rerun] = NO_RERUNS,
) -> Leaderboard:
    """Rank and compare measured rows, and set published ones beside them.

    Args:
        stored: the results.
        published: see :func:`fewshot_bench.leaderboard.published.read_published`.
        datasets: what is noted of the data, see :mod:`fewshot_bench.leaderboard.datasets`.
        reruns: verdicts on rows, see :func:`fewshot_bench.leaderboard.rerun.read_reruns`.
    """
    rows = {row_id: measured_row(row_id, results) for row_id, results in stored.rows.items()}
    rows = with_telling_notes(_short_apart(rows), stored.rows)
    rows = with_distinct_trainings(rows, stored.rows)
    rows = _marked(with_budget_flags(rows, stored.rows), stored, reruns)
    pools, rows = make_pools(rows, stored.rows, datasets)
    return Leaderboard(boards=tuple(_boards([*rows.values(), *published], pools)), pools=pools)


def _marked(rows: dict[str, Row], stored: Stored, reruns: Mapping[str, Rerun]) -> dict[str, Row]:
    """Rows with what is known of where their predictions come from."""
    like = like_another(stored.rows)
    return {
        row_id: dataclasses.replace(
            row,
            like=rows[like[row_id]].method if row_id in like else "",
            rerun=verdict_on(stored.rows[row_id], reruns),
        )
        for row_id, row in rows.items()
    }


def _short_apart(rows: dict[str, Row]) -> dict[str, Row]:
    """Rows with ``short`` set where that is said of some, but not of all, on the same task."""
    full = {(row.benchmark, row.task) for row in rows.values() if SHORT not in row.flags}
    return {
        row_id: dataclasses.replace(row, short=True)
        if SHORT in row.flags and (row.benchmark, row.task) in full
        else row
        for row_id, row in rows.items()
    }


def _boards(rows: Iterable[Row], pools: Sequence[Pool]) -> Iterable[Board]:
    order = {pool.id: number for number, pool in enumerate(pools)}

    def place(row: Row) -> tuple[str, int, int, str, int, int, bool]:
        kinds = SETTINGS.index(row.setting), LEARNED.index(row.learned), row.short
        return row.benchmark, row.way or 0, row.shot or 0, row.sampler, *kinds

    def standing(row: Row) -> tuple[int, float, str, str]:
        return order.get(row.pool, -1), -row.accuracy, row.method, row.id

    for _, group in itertools.groupby(sorted(rows, key=place), key=place):
        members = sorted(group, key=standing)
        one = members[0]
        yield Board(
            id=_board_id(one),
            benchmark=one.benchmark,
            way=one.way,
            shot=one.shot,
            setting=one.setting,
            measured=tuple(row for row in members if row.kind == "measured"),
            published=tuple(row for row in members if row.kind == "published"),
            learned=one.learned,
            sampler=one.sampler,
            short=one.short,
        )


def _board_id(row: Row) -> str:
    """Of the board that a row stands on."""
    task = task_slug(row.way, row.shot, row.sampler)
    return "/".join((row.benchmark, task, row.setting, *row.apart))
