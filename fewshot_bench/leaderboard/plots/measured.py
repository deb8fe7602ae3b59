"""What some pictures need beyond a comparison: ranks over data sets, accuracy by class."""

from collections.abc import Sequence

import numpy as np

from fewshot_bench.errors import StatisticsError
from fewshot_bench.evaluation.classes import class_table
from fewshot_bench.evaluation.compare import align_entrants
from fewshot_bench.evaluation.entrants import Entrant
from fewshot_bench.evaluation.intervals import seed_matrix
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.plots.classes import ClassAccuracies
from fewshot_bench.stats.validate import Floats


def rank_table(entrants: Sequence[Entrant]) -> tuple[list[str], Floats, str]:
    """Scores to rank methods by: of whole data sets, or of episodes if there is one data set.

    Returns:
        Names of the k methods, scores of shape (N, k), and what the N rows are.

    Raises:
        StatisticsError: fewer than two methods, or a method lacks a data set or has it twice.
    """
    tested = [_tested(entrant.results[0]) for entrant in entrants]
    if len(set(tested)) == 1:
        entrants = align_entrants(entrants)
        columns = [seed_matrix(entrant.results).mean(axis=0) for entrant in entrants]
        return [entrant.name for entrant in entrants], np.stack(columns, axis=1), "episodes"
    cells: dict[tuple[str, str], float] = {}
    for entrant, test in zip(entrants, tested, strict=True):
        if (test, entrant.name) in cells:
            raise StatisticsError(f"{entrant.name} has two results on {test}; name one of them")
        cells[test, entrant.name] = float(seed_matrix(entrant.results).mean())
    names = list(dict.fromkeys(entrant.name for entrant in entrants))
    tests = list(dict.fromkeys(tested))
    for test in tests:
        for name in names:
            if (test, name) not in cells:
                raise StatisticsError(
                    f"{name} has no result on {test}; mean ranks need every method everywhere"
                )
    table = np.array([[cells[test, name] for name in names] for test in tests])
    return names, table, "data sets"


def _tested(result: Result) -> str:
    """Benchmark and protocol, in words."""
    return f"{result.document.dataset.id} {result.document.protocol.id}"


def class_accuracies(entrant: Entrant, level: float) -> ClassAccuracies:
    """Accuracy on the queries of each class, with intervals over the episodes it occurs in."""
    table = class_table(entrant.results, level)
    mean, low, high = (table[name].to_numpy(float) for name in ("accuracy", "low", "high"))
    return ClassAccuracies(entrant.name, mean, low, high)
