"""All pairwise differences of many methods at once, each with as many seeds as it has.

The same numbers as :func:`compare_methods` (both sides with several seeds) or as the paired t of
:func:`compare_paired` (one side with a single seed), without the tests that take time, so that a
board of hundreds of rows is compared in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fewshot_bench.errors import UnpairedError
from fewshot_bench.stats.seeds import MeanSquares
from fewshot_bench.stats.validate import Floats, as_accuracies, check_enough, check_level


@dataclass(frozen=True, eq=False)
class Differences:
    """Result of :func:`all_differences`; an entry for each pair (0, 1), (0, 2), ..., (1, 2), ...

    Attributes:
        mean: Mean difference, first minus second.
        v: Its estimated variance.
        df: Degrees of freedom.
        half_width: Half of the interval's width.
        p: Two-sided p values; 1 where there is no spread to judge by.
        closed: One side has a single seed, so the pair is about these trained models only.
    """

    mean: Floats
    v: Floats
    df: Floats
    half_width: Floats
    p: Floats
    closed: NDArray[np.bool_]


def all_differences(matrices: Sequence[ArrayLike], level: float = 0.95) -> Differences:
    """Compare all pairs of M methods that were tested on the same T episodes.

    Args:
        matrices: Accuracies of each method, shape (S_i, T), fractions in [0, 1]; S_i >= 1.
        level: Confidence level of the intervals, which are not adjusted for their number.

    Raises:
        UnpairedError: The numbers of episodes differ.
        StatisticsError: Fewer than two episodes, or bad values.
    """
    check_level(level)
    values = [as_accuracies(matrix, "accuracies", 2) for matrix in matrices]
    if len({matrix.shape[1] for matrix in values}) > 1:
        raise UnpairedError("All methods must be tested on the same episodes.")
    series = np.stack([matrix.mean(axis=0) for matrix in values])
    t = series.shape[1]
    check_enough(t, 2, "episodes")
    first, second = np.triu_indices(len(values), 1)
    shared = [(row - series[i:]).var(axis=1, ddof=1) for i, row in enumerate(series, 1)]
    mean = series.mean(axis=1)
    mean = mean[first] - mean[second]
    own = np.array([_seed_parts(matrix) for matrix in values])
    several = np.array([len(matrix) > 1 for matrix in values])
    method = several[first] & several[second]
    parts = np.stack([own[first, 0], own[second, 0], np.concatenate(shared) / t])
    parts[:2] *= method
    # The shared part holds residual noise that the seed parts hold too: it must not count twice.
    v = parts.sum(axis=0) - method * (own[first, 1] + own[second, 1])
    v = np.maximum(v, parts.max(axis=0))
    v[v <= _ROUNDING] = 0.0
    seeds = np.array([max(len(matrix) - 1, 1) for matrix in values])
    freedom = np.stack([seeds[first], seeds[second], np.full(len(first), t - 1)])
    return _judged(mean, v, parts, freedom, level, ~method)


_ROUNDING = 1e-28  # a variance of accuracies that rounding alone can make


def _seed_parts(matrix: Floats) -> tuple[float, float]:
    """Parts of the variance of a method's mean: its seeds, and the residual noise in them."""
    if len(matrix) == 1:
        return 0.0, 0.0
    squares = MeanSquares.of(matrix)
    return squares.seed / matrix.size, squares.residual / matrix.size


def _judged(
    mean: Floats, v: Floats, parts: Floats, freedom: Floats, level: float, closed: NDArray[np.bool_]
) -> Differences:
    """Add degrees of freedom after Satterthwaite (1946), intervals and p values."""
    spread = v > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(spread, v**2 / (parts**2 / freedom).sum(axis=0), freedom.min(axis=0))
        t = np.where(spread, mean / np.sqrt(v), 0.0)
    half = special.stdtrit(df, 0.5 + level / 2) * np.sqrt(v)
    return Differences(mean, v, df, half, 2 * special.stdtr(df, -np.abs(t)), closed)
