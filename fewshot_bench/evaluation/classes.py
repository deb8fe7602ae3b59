"""Class lists short enough to travel with a result, and the accuracy of each class."""

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.pool import ROTATIONS
from fewshot_bench.evaluation.arrays import queries
from fewshot_bench.evaluation.document import Dataset
from fewshot_bench.files import sha256
from fewshot_bench.stats import DegenerateWarning, mean_ci

if TYPE_CHECKING:
    import pandas as pd

    from fewshot_bench.evaluation.result import Result

NAMED = 200  # names of more classes than that would be most of a result's bytes
DIGITS = 8  # of SHA-256 per class: two lists of 1,000 names share one by chance once in 4,000 times

UPRIGHT = "/rot000"  # as fewshot_bench.data.store names turned classes


def class_hashes(names: Iterable[str]) -> str:
    """The first eight hex digits of the SHA-256 of each name, one after the other."""
    return "".join(sha256(name.encode())[:DIGITS] for name in names)


def class_list_sha256(names: Iterable[str]) -> str:
    """Identity of a list of classes, in its order."""
    return sha256("".join(f"{name}\n" for name in names).encode())


def photographed(names: Sequence[str], turned: bool) -> Sequence[str]:
    """The classes that hashes are of: of ``turned`` ones, listed turn by turn, the upright."""
    if not turned:
        return names
    return [name.removesuffix(UPRIGHT) for name in names[: len(names) // ROTATIONS]]


def shared_classes(a: str, b: str) -> int:
    """How many entries two such texts have in common."""
    return len(_entries(a) & _entries(b))


def _entries(text: str) -> set[str]:
    return {text[i : i + DIGITS] for i in range(0, len(text), DIGITS)}


def names_of(dataset: Dataset) -> list[str]:
    """Names of the tested classes; their numbers where a result holds no names."""
    return dataset.class_names or [f"class {i}" for i in range(len(dataset.pool_sizes))]


def class_table(results: "Sequence[Result]", level: float = 0.95) -> "pd.DataFrame":
    """Accuracy on the queries of each class, with intervals over the episodes it occurs in.

    Args:
        results: evaluations of the same episodes, one per training seed; the share of right
            queries of a class in an episode is their mean.
        level: confidence level of the closed intervals.

    Returns:
        A row for every class of the split with ``class`` (its name), ``accuracy``, ``low``,
        ``high`` (fractions; NaN for a class that was never tested, limits also for one that was
        tested in one episode) and ``episodes`` (in how many it was tested).
    """
    import pandas as pd

    every = pd.concat([_queries(result) for result in results])
    shares = every.groupby(["class_id", "episode"])["right"].mean()
    of_class = {key: group.to_numpy(float) for key, group in shares.groupby(level="class_id")}
    rows = []
    for class_id, name in enumerate(names_of(results[0].document.dataset)):
        own = of_class.get(class_id, np.empty(0))
        mean = float(own.mean()) if own.size else np.nan
        rows.append((name, mean, *_limits(own, level), own.size))
    return pd.DataFrame(rows, columns=["class", "accuracy", "low", "high", "episodes"])


def _queries(result: "Result") -> "pd.DataFrame":
    """Class and episode of each query, and whether its prediction was right."""
    import pandas as pd

    asked = queries(result.columns)
    right = asked.pred == asked.label
    return pd.DataFrame({"class_id": asked.class_id, "episode": asked.episode, "right": right})


def _limits(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    if values.size < 2:
        return np.nan, np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        interval = mean_ci(values, level)
    return interval.low, interval.high
