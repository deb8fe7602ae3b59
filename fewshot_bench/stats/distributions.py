"""Quantiles and tail areas, from ``scipy.special`` because ``scipy.stats`` is slow to import."""

from __future__ import annotations

import numpy as np
from scipy import special

from fewshot_bench.stats.validate import Floats


def t_quantile(level: float, df: float) -> float:
    """Return the two-sided Student t quantile, e.g. 2.26 for 0.95 and 9 degrees of freedom."""
    return float(special.stdtrit(df, 0.5 + level / 2))


def z_quantile(probability: float) -> float:
    """Return the standard normal quantile, e.g. 1.96 for 0.975."""
    return float(special.ndtri(probability))


def t_two_sided_p(t: float, df: float) -> float:
    """Return P(|t_df| >= |t|)."""
    return float(2 * special.stdtr(df, -abs(t)))


def noncentrality(t: float, df: float, power: float) -> float:
    """Return the noncentrality at which Student t with `df` degrees exceeds `t` with `power`."""
    if t > _LARGE_T:
        # There only the noise of the variance matters. SciPy's inverse does not return in
        # reasonable time for such values; this limit is within 1e-4 of it.
        return float(t * np.sqrt(2 * special.gammaincinv(df / 2, power) / df))
    return float(special.nctdtrinc(df, 1 - power, t))


_LARGE_T = 100.0


def average_ranks(values: Floats) -> Floats:
    """Return ranks from 1 (smallest) of a 1-D array; ties share the average rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[inverse]
    return ranks


def resampled_counts(rng: np.random.Generator, n_resamples: int, n: int) -> Floats:
    """Return how often each of `n` items is drawn in `n_resamples` bootstrap samples.

    Returns:
        Shape (n_resamples, n); each row sums to n. Multiplying a data matrix with it replaces
        a gather over indices, which is what makes bootstraps here fast.
    """
    drawn = rng.integers(0, n, size=(n_resamples, n))
    drawn += n * np.arange(n_resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=n * n_resamples)
    return counts.reshape(n_resamples, n).astype(np.float64)
