"""What stands against adding results to a leaderboard, found before anything is copied."""

from collections.abc import Collection, Iterator

from fewshot_bench.leaderboard.check import check_result, check_row
from fewshot_bench.leaderboard.checks.board import Board, board_findings
from fewshot_bench.leaderboard.datasets import Dataset, Datasets, dataset_of
from fewshot_bench.leaderboard.measured import Stored, seed_of, short_line, twice


def objections(
    new: Stored, there: Stored, known: Datasets, older: Collection[str] = frozenset()
) -> Iterator[str]:
    """One line for each reason not to add results.

    Args:
        new: the results to be added.
        there: those that the leaderboard has.
        known: the data that it knows; new data may be added, but not of another size.
        older: see :func:`fewshot_bench.leaderboard.checks.older.accepted`.
    """
    yield from new.problems
    known = _with_new_data(new, known)
    for results in new.rows.values():
        for result in results:
            folder = new.folders[result.document.result_id]
            for reason in check_result(result):
                yield short_line(f"{folder} is not valid: {reason}")
    for row in new.rows:
        yield from map(short_line, _against_row(row, new, there))
    for result, finding in board_findings(_board(new, there, known, older)):
        if (place := new.folders.get(result.document.result_id)) is not None:
            yield short_line(f"{place} is not valid: {finding.text}")


def _board(new: Stored, there: Stored, known: Datasets, older: Collection[str]) -> Board:
    """The leaderboard as it would be, as far as it has to do with the new results."""
    every = {
        result.document.result_id: result
        for stored in (there, new)
        for results in stored.rows.values()
        for result in results
    }
    named = {result.document.dataset.id for row in new.rows.values() for result in row}
    held = [result for result in every.values() if result.document.dataset.id in named]
    return Board(held, known, older)


def _with_new_data(new: Stored, known: Datasets) -> Datasets:
    everything: dict[str, dict[str, Dataset]] = {name: dict(data) for name, data in known.items()}
    for results in new.rows.values():
        for result in results:
            dataset = result.document.dataset
            mine = everything.setdefault(dataset.id, {})
            mine.setdefault(dataset.fingerprint, dataset_of(result))
    return everything


def _against_row(row: str, new: Stored, there: Stored) -> Iterator[str]:
    """A seed may be there as it is (adding again is harmless), but not measured in another way."""
    old = {seed_of(result): result for result in there.rows.get(row, ())}
    for result in new.rows[row]:
        first = old.get(seed_of(result), result)
        ours, theirs = (one.document.result_id for one in (result, first))
        if ours != theirs:
            yield twice(new.folders[ours], result, there.folders[theirs], first)
    yield from check_row({**old, **{seed_of(result): result for result in new.rows[row]}}.values())
