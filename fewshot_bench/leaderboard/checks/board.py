"""Checks that need all results of a board: of data, of copies from row to row, of old documents."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.checks.base import Finding
from fewshot_bench.leaderboard.checks.copies import copies_of_rows
from fewshot_bench.leaderboard.checks.data import known_data, same_data
from fewshot_bench.leaderboard.checks.older import older_schema
from fewshot_bench.leaderboard.datasets import Datasets


@dataclass(frozen=True)
class Board:
    """What results are held against.

    Attributes:
        results: all of them, those of the leaderboard and what is to be added.
        datasets: what ``datasets.csv`` says.
        older: ids of results of older schemas that were accepted.
    """

    results: Sequence[Result]
    datasets: Datasets
    older: Collection[str] = frozenset()


About = tuple[Result, str]  # whom a line is about


def _known(board: Board) -> Iterator[About]:
    for result in board.results:
        yield from ((result, line) for line in known_data(result, board.datasets))


def _same(board: Board) -> Iterator[About]:
    yield from same_data(board.results)


def _copied(board: Board) -> Iterator[About]:
    """Each of two rows that are copies is named: which one is the copy no file tells."""
    for one, other, why in copies_of_rows(board.results):
        for mine, theirs in ((one, other), (other, one)):
            document = theirs.document
            yield mine, f"it and {document.method.id} ({document.result_id[:12]}) {why}"


def _older(board: Board) -> Iterator[About]:
    yield from older_schema(board.results, board.older)


@dataclass(frozen=True)
class BoardCheck:
    """As :class:`fewshot_bench.leaderboard.checks.base.Check`, of all results at once."""

    name: str
    finds: str
    lines: Callable[[Board], Iterator[About]]


OF_BOARD: tuple[BoardCheck, ...] = (
    BoardCheck("known data", "images that are not in datasets.csv, or of another size", _known),
    BoardCheck("same data", "another account of the same images", _same),
    BoardCheck("copied rows", "predictions of one method under the name of another", _copied),
    BoardCheck("older schema", "documents that claim to be too old to tell", _older),
)


def board_findings(board: Board) -> Iterator[tuple[Result, Finding]]:
    """What is wrong with results that only a look at all of them shows."""
    for check in OF_BOARD:
        for result, line in check.lines(board):
            yield result, Finding(check.name, line)
