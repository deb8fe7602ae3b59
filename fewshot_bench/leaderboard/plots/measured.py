"""What some pictures need beyond a comparison: ranks over data sets, accuracy by class."""

import warnings
from collections.abc import Sequence

import numpy as np

from fewshot_bench.errors import StatisticsError
from fewshot_bench.evaluation.compare import align_entrants
from fewshot_bench.evaluation.entrants import Entrant
from fewshot_bench.evaluation.intervals import seed_matrix
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.plots.classes import ClassAccuracies
from fewshot_bench.stats import DegenerateWarning, mean_ci
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
    return f"{result.info['dataset']['id']} {result.info['protocol']['id']}"


def class_names(entrant: Entrant) -> list[str]:
    """Names of the tested classes; their numbers where the result holds no names."""
    dataset = entrant.results[0].info["dataset"]
    names = dataset.get("class_names")
    return list(names or (f"class {i}" for i in range(len(dataset["pool_sizes"]))))


def class_accuracies(entrant: Entrant, n_classes: int, level: float) -> ClassAccuracies:
    """Accuracy on the queries of each class, with intervals over the episodes it occurs in."""
    ids = entrant.results[0].columns["class_ids"]
    right = [_right(result) for result in entrant.results]
    values = np.mean(right, axis=0)
    mean, low, high = np.full((3, n_classes), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        for c in np.unique(ids):
            of_class = values[ids == c]
            mean[c] = of_class.mean()
            if of_class.size > 1:
                one = mean_ci(of_class, level)
                low[c], high[c] = one.low, one.high
    return ClassAccuracies(entrant.name, mean, low, high)


def _right(result: Result) -> Floats:
    """Share of right predictions of each class of each episode, shape (T, way)."""
    pred = result.columns["pred"]
    labels = np.arange(pred.shape[1])[None, :, None]
    share: Floats = (pred == labels).mean(axis=2)
    return share
