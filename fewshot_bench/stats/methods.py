"""Two methods with several training seeds each."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fewshot_bench.errors import StatisticsError, UnpairedError
from fewshot_bench.stats.distributions import t_quantile, t_two_sided_p
from fewshot_bench.stats.interval import DegenerateWarning, Interval, constant_limits, core
from fewshot_bench.stats.seeds import ONE_SEED, MeanSquares, seed_episode_ci
from fewshot_bench.stats.validate import Floats, as_accuracies, check_enough, check_level


@dataclass(frozen=True, kw_only=True)
class MethodComparison(Interval):
    """Difference of two methods, A minus B, about new seeds and new episodes.

    Attributes:
        v: Estimated variance of the difference.
        t: `mean` divided by its standard error.
        p: Two-sided p value.
        n_seeds: Seeds of A and of B.
    """

    v: float
    t: float
    p: float
    n_seeds: tuple[int, int]


def compare_methods(
    A: ArrayLike,
    B: ArrayLike,
    level: float = 0.95,
    *,
    shared_seeds: bool = False,
    bounded: bool = True,
) -> MethodComparison:
    """Compare two methods that were trained with several seeds and tested on shared episodes.

    The variance has a part for the seeds of A, one for the seeds of B and one for the shared
    episodes, found from mean squares; degrees of freedom after Satterthwaite (1946).

    Args:
        A: Accuracies of the first method, shape (S_A, T), fractions in [0, 1].
        B: Accuracies of the second on the same episodes, shape (S_B, T).
        level: Confidence level.
        shared_seeds: Row s of A and row s of B share something (a backbone, an initial state):
            analyse A - B with :func:`seed_episode_ci`.
        bounded: Values are accuracies; ``False`` for losses.

    Raises:
        UnpairedError: The numbers of episodes differ.
        StatisticsError: One seed, one episode, or bad values.
    """
    a, b = as_accuracies(A, "A", 2, bounded), as_accuracies(B, "B", 2, bounded)
    check_level(level)
    if a.shape[1] != b.shape[1]:
        raise UnpairedError(
            f"A has {a.shape[1]} episodes and B has {b.shape[1]}; both must be tested on the "
            "same episodes."
        )
    if min(a.shape[0], b.shape[0]) < 2:
        raise StatisticsError(ONE_SEED)
    check_enough(a.shape[1], 2, "episodes")
    if shared_seeds:
        return _shared(a, b, level)
    seeds = (a.shape[0], b.shape[0])
    flags = ("few_seeds",) if min(seeds) < 3 else ()
    v, df = _variance_of_difference(a, b)
    mean = float(a.mean(axis=0).mean() - b.mean(axis=0).mean())
    return _comparison(mean, v, df, level, a.shape[1], seeds, "two_sample_seeds", flags)


def compare_methods_unpaired(
    A: ArrayLike, B: ArrayLike, level: float = 0.95, *, bounded: bool = True
) -> MethodComparison:
    """Compare two methods with several seeds each that were tested on *different* episodes.

    A last resort, as :func:`fewshot_bench.stats.compare_unpaired` is for one seed each. The seeds
    of a method share their episodes, so each side has the variance of :func:`seed_episode_ci`;
    the two are added, degrees of freedom after Welch (1947) and Satterthwaite (1946).

    Args:
        A: Accuracies of the first method, shape (S_A, T_A), fractions in [0, 1].
        B: Accuracies of the second on other episodes, shape (S_B, T_B).
        level: Confidence level.
        bounded: Values are accuracies; ``False`` for losses.

    Returns:
        Always with flag ``unpaired``; `n` is the smaller number of episodes.

    Raises:
        StatisticsError: One seed, one episode, or bad values.
    """
    with warnings.catch_warnings():
        # One side without spread is no reason to warn: the other's may be judged by.
        warnings.simplefilter("ignore", DegenerateWarning)
        a, b = (seed_episode_ci(matrix, level, bounded=bounded) for matrix in (A, B))
    seeds = (a.n_seeds, b.n_seeds)
    v = a.v + b.v
    df = v**2 / (a.v**2 / a.df + b.v**2 / b.df) if v > 0 else float(min(seeds) - 1)
    flags = ("unpaired", *(("few_seeds",) if min(seeds) < 3 else ()))
    return _comparison(a.mean - b.mean, v, df, level, min(a.n, b.n), seeds, "welch_seeds", flags)


def _variance_of_difference(a: Floats, b: Floats) -> tuple[float, float]:
    """Return the variance of mean(a) - mean(b) and its degrees of freedom."""
    ms_a, ms_b, t = MeanSquares.of(a), MeanSquares.of(b), a.shape[1]
    d = (a - a[0, 0]).mean(axis=0) - (b - b[0, 0]).mean(axis=0)
    cells_a, cells_b = a.size, b.size
    parts = np.array([ms_a.seed / cells_a, ms_b.seed / cells_b, d.var(ddof=1) / t])
    # var(d) holds residual noise that the seed parts hold too: it must not count twice.
    v = parts.sum() - ms_a.residual / cells_a - ms_b.residual / cells_b
    v = max(float(v), float(parts.max()))
    if v <= 1e-24 * float(np.square(a).max() + np.square(b).max()):
        v = 0.0  # nothing but rounding
    freedom = np.array([a.shape[0] - 1, b.shape[0] - 1, t - 1])
    return v, v**2 / float(np.sum(parts**2 / freedom)) if v > 0 else float(freedom.min())


def _shared(a: Floats, b: Floats, level: float) -> MethodComparison:
    """Analyse the matrix of differences of seeds that belong together."""
    if a.shape != b.shape:
        raise StatisticsError(
            f"shared_seeds needs as many seeds of A as of B; got {a.shape[0]} and {b.shape[0]}."
        )
    one = seed_episode_ci(a - b, level, bounded=False)
    flags = tuple(flag for flag in one.flags if flag != "degenerate")
    seeds = (one.n_seeds, one.n_seeds)
    return _comparison(one.mean, one.v, one.df, level, one.n, seeds, "shared_seeds", flags)


def _comparison(
    mean: float,
    v: float,
    df: float,
    level: float,
    n: int,
    n_seeds: tuple[int, int],
    method: str,
    flags: tuple[str, ...],
) -> MethodComparison:
    """Build the result; without any spread no p value below 1 can be justified."""
    if v > 0:
        half, t = t_quantile(level, df) * math.sqrt(v), mean / math.sqrt(v)
        low, high, p = mean - half, mean + half, t_two_sided_p(t, df)
    else:
        low, high = constant_limits(mean, n, level, bounded=False)
        t, p, flags = math.copysign(math.inf, mean) if mean else 0.0, 1.0, (*flags, "degenerate")
    return MethodComparison(
        **core(mean, low, high, n, df, level),
        estimand="method",
        method=method,
        flags=flags,
        v=v,
        t=t,
        p=p,
        n_seeds=n_seeds,
    )
