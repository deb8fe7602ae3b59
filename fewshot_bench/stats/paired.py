"""Two methods on the same episodes."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fewshot_bench.errors import UnpairedError
from fewshot_bench.stats.distributions import average_ranks, t_two_sided_p
from fewshot_bench.stats.interval import DegenerateWarning, Interval, core
from fewshot_bench.stats.intervals import MeanInterval, mean_ci
from fewshot_bench.stats.planning import min_detectable_effect
from fewshot_bench.stats.sign_flip import sign_flip_test
from fewshot_bench.stats.validate import (
    Floats,
    Ints,
    as_counts,
    as_generator,
    as_integers,
    check_enough,
    check_level,
    is_constant,
)
from fewshot_bench.stats.wilcoxon import signed_rank_p


@dataclass(frozen=True, kw_only=True)
class PairedComparison(Interval):
    """Difference of two methods, A minus B, on the same episodes.

    Attributes:
        sd: Standard deviation (ddof 1) of the differences.
        t, p: Paired t test, two-sided.
        p_sign_flip: Randomisation test, two-sided.
        p_wilcoxon: Signed-rank test, zeros split; tests symmetry, not only the mean.
        d_z: Mean difference in standard deviations of the difference.
        prob_superiority: P(A > B) + P(A = B) / 2 over episodes.
        rank_biserial: (R+ - R-) / (R+ + R-) on non-zero differences, in [-1, 1].
        rho: Correlation of A and B over episodes; pairing narrows by about sqrt(1 - rho).
        mde80: Difference that a study of this size finds with 80 % power at `level`.
    """

    sd: float
    t: float
    p: float
    p_sign_flip: float
    p_wilcoxon: float
    d_z: float
    prob_superiority: float
    rank_biserial: float
    rho: float
    mde80: float


def compare_paired(
    correct_a: ArrayLike,
    correct_b: ArrayLike,
    n_query: ArrayLike,
    level: float = 0.95,
    *,
    n_resamples: int = 9999,
    rng: int | np.random.Generator = 0,
) -> PairedComparison:
    """Compare two methods by their counts of correct queries on the same episodes.

    The interval is closed (this pool). For new images hand the differences to
    :func:`fewshot_bench.stats.open_image_ci` with ``bounded=False``.

    Args:
        correct_a: Correct queries of A per episode, whole numbers, shape (T,).
        correct_b: The same for B; row t must be the same episode.
        n_query: Queries per episode, a scalar or shape (T,).
        level: Confidence level.
        n_resamples: Sign patterns of the randomisation test (all of them up to T = 16).
        rng: Seed or generator of that test.

    Returns:
        If all differences are equal, flag ``degenerate`` (and ``identical`` if they are zero),
        zero width with a warning, and ``p`` is the exact sign-flip p, 2^(1-T).

    Raises:
        UnpairedError: The numbers of episodes differ.
        StatisticsError: One episode, fractions instead of counts, or bad values.
    """
    check_level(level)
    a, b = as_integers(correct_a, "correct_a"), as_integers(correct_b, "correct_b")
    if a.size != b.size:
        raise UnpairedError(
            f"A has {a.size} episodes and B has {b.size}; align_episodes finds their common part."
        )
    check_enough(a.size, 2, "episodes")
    _, queries = as_counts(a, n_query, name="correct_a")
    as_counts(b, n_query, name="correct_b")
    return paired_result(a, b, queries, level, n_resamples, as_generator(rng))


def paired_result(
    a: Ints, b: Ints, queries: Ints, level: float, n_resamples: int, rng: np.random.Generator
) -> PairedComparison:
    """Compute all statistics of :func:`compare_paired` from checked counts of shape (T,)."""
    # Integer differences keep ties exact; one division by the same count keeps them so.
    d = (a - b) / queries
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        closed = mean_ci(d, level, bounded=False)
    flip = sign_flip_test(d, n_resamples=n_resamples, rng=rng)
    if closed.sd > 0:
        t = closed.mean / (closed.sd / math.sqrt(d.size))
        p, d_z, flags = t_two_sided_p(t, d.size - 1), closed.mean / closed.sd, closed.flags
    else:
        t, p, d_z, flags = _without_spread(closed)
    return PairedComparison(
        **core(closed.mean, closed.low, closed.high, d.size, d.size - 1, level),
        method="paired_t",
        flags=flags,
        sd=closed.sd,
        t=t,
        p=p,
        p_sign_flip=flip.p,
        p_wilcoxon=signed_rank_p(d),
        d_z=d_z,
        prob_superiority=float(np.mean(d > 0) + np.mean(d == 0) / 2),
        rank_biserial=_rank_biserial(d),
        rho=_correlation(a / queries, b / queries),
        mde80=min_detectable_effect(closed.sd, d.size, level, df=d.size - 1),
    )


def _without_spread(closed: MeanInterval) -> tuple[float, float, float, tuple[str, ...]]:
    """Return t, p, d_z and flags when all differences are equal; t would claim p = 0."""
    warnings.warn(
        f"All {closed.n} differences equal {closed.mean:g}: no spread to judge them by.",
        DegenerateWarning,
        stacklevel=4,
    )
    if closed.mean == 0:
        return 0.0, 1.0, 0.0, (*closed.flags, "identical")
    sign = math.copysign(math.inf, closed.mean)
    return sign, 2.0 ** (1 - closed.n), sign, closed.flags


def _rank_biserial(d: Floats) -> float:
    """Return the matched rank-biserial correlation (Kerby 2014) of the non-zero differences."""
    moved = d[d != 0]
    if moved.size == 0:
        return 0.0
    ranks = average_ranks(np.abs(moved))
    return float(np.sum(np.sign(moved) * ranks) / ranks.sum())


def _correlation(x: Floats, y: Floats) -> float:
    """Return Pearson's correlation, NaN if one of them is constant."""
    if is_constant(x) or is_constant(y):
        return math.nan
    return float(np.corrcoef(x, y)[0, 1])
