"""Is a submitted result what it says? Everything that can be told without images and models.

The checks themselves are listed in :mod:`fewshot_bench.leaderboard.checks.table`; here they are
made. Schema, types, ranges and shapes are checked before, when a file is read.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.checks.base import Finding
from fewshot_bench.leaderboard.checks.board import Board, board_findings
from fewshot_bench.leaderboard.checks.data import known_data
from fewshot_bench.leaderboard.checks.older import accepted
from fewshot_bench.leaderboard.checks.table import OF_RESULT, OF_ROW
from fewshot_bench.leaderboard.datasets import Datasets
from fewshot_bench.leaderboard.measured import Stored, place, short_line


def check_stored(stored: Stored, root: Path, known: Datasets) -> list[str]:
    """One line for everything that is wrong with the results of a leaderboard.

    Args:
        stored: the results under ``root``.
        root: their folder, in that of the leaderboard.
        known: see :func:`fewshot_bench.leaderboard.datasets.read_datasets`.
    """
    lines = list(stored.problems)
    every = [result for results in stored.rows.values() for result in results]
    for results in stored.rows.values():
        for result in results:
            folder = stored.folders[result.document.result_id]
            reasons = list(check_result(result))
            if folder != root / place(result):
                reasons.append(f"it belongs into {place(result)}; use fsbench results add")
            lines += [f"{folder}: {short_line(reason)}" for reason in reasons]
        lines += [short_line(line) for line in check_row(results)]
    for result, finding in board_findings(Board(every, known, accepted(root.parent))):
        folder = stored.folders[result.document.result_id]
        lines.append(f"{folder}: {short_line(finding.text)}")
    return lines


def check_row(results: Iterable[Result]) -> Iterator[str]:
    """What is wrong with the results of one configuration together, one per training seed."""
    results = list(results)
    yield from (f"{_row_name(results)}: {finding.text}" for finding in row_findings(results))


def check_result(result: Result, known: Datasets | None = None) -> Iterator[str]:
    """Reasons why a result can't be accepted; nothing if all is well.

    Args:
        result: read by :func:`fewshot_bench.evaluation.result.read_result`.
        known: see :func:`check_stored`; None to accept any data.
    """
    if known is not None:
        yield from known_data(result, known)
    yield from (finding.text for finding in result_findings(result))


def result_findings(result: Result) -> Iterator[Finding]:
    """What is wrong with one result, and which check says so."""
    for check in OF_RESULT:
        yield from check.findings(result)


def row_findings(results: Sequence[Result]) -> Iterator[Finding]:
    """The same of the training seeds of one row together."""
    for check in OF_ROW:
        yield from check.findings(results)


def _row_name(results: Sequence[Result]) -> str:
    document = results[0].document
    return f"{document.method.id} on {document.dataset.id}, {document.protocol.id}"
