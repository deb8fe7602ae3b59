"""What stands against adding results to a leaderboard, found before anything is copied."""

from collections.abc import Iterator

from fewshot_bench.leaderboard.check import check_result, check_row
from fewshot_bench.leaderboard.datasets import Dataset, Datasets, dataset_of
from fewshot_bench.leaderboard.measured import Stored, seed_of, short_line, twice


def objections(new: Stored, there: Stored, known: Datasets) -> Iterator[str]:
    """One line for each reason not to add results.

    Args:
        new: the results to be added.
        there: those that the leaderboard has.
        known: the data that it knows; new data may be added, but not of another size.
    """
    yield from new.problems
    known = _with_new_data(new, known)
    for results in new.rows.values():
        for result in results:
            folder = new.folders[result.document.result_id]
            for reason in check_result(result, known):
                yield short_line(f"{folder} is not valid: {reason}")
    for row in new.rows:
        yield from map(short_line, _against_row(row, new, there))


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
