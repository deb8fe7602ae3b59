"""How many runs or episodes are needed, what they can show, and scores relative to chance."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from fewshot_bench.errors import StatisticsError
from fewshot_bench.stats.distributions import noncentrality, t_quantile, z_quantile
from fewshot_bench.stats.validate import (
    Floats,
    as_accuracies,
    check_enough,
    check_level,
    check_positive,
)


def min_detectable_effect(
    sd: float, n: int, level: float = 0.95, power: float = 0.8, *, df: float = math.inf
) -> float:
    """Return the true mean difference that a paired study finds with probability `power`.

    The factor of ``sd / sqrt(n)`` is the noncentrality at which the t test with `df` degrees of
    freedom has that power: 3.76 for 4 of them, ``z_{(1+level)/2} + z_power`` = 2.80 for a normal
    test. Rejections on the wrong side do not count.

    Args:
        sd: Standard deviation of the paired differences, at least 0.
        n: Number of episodes; 1 if `sd` is the standard error of the mean already.
        level: Confidence level of the two-sided test.
        power: Wanted probability of finding the effect.
        df: Degrees of freedom of the test; few seeds have few, and see much less.

    Returns:
        The difference, in the unit of `sd`.

    Raises:
        StatisticsError: Negative `sd`, no episodes, no degrees of freedom, or probabilities
            outside (0, 1).
    """
    if not (math.isfinite(sd) and sd >= 0):
        raise StatisticsError(f"sd must be a standard deviation, not below 0; got {sd}.")
    check_enough(n, 1, "episodes")
    if not df > 0:
        raise StatisticsError(f"df must be degrees of freedom, above 0; got {df}.")
    factor = _detectable_in_errors(check_level(level), check_level(power, "power"), df)
    return factor * sd / math.sqrt(n)


def _detectable_in_errors(level: float, power: float, df: float) -> float:
    """Return the true mean, in standard errors, that a two-sided test finds with `power`."""
    if math.isinf(df):
        return z_quantile((1 + level) / 2) + z_quantile(power)
    return noncentrality(t_quantile(level, df), df, power)


def noether_sample_size(gamma: float = 0.75, alpha: float = 0.05, power: float = 0.95) -> float:
    """Return the runs per method needed to detect P(A > B) = `gamma` (Noether 1987).

    ``((z_{1-alpha} + z_power) / (sqrt(6) (1/2 - gamma)))^2``, as recommended by Bouthillier et
    al. (MLSys 2021); round up.

    Args:
        gamma: Probability that a run of A beats a run of B, in (0, 1) but not 1/2.
        alpha: One-sided error rate.
        power: Wanted probability of finding the effect.

    Raises:
        StatisticsError: A value outside (0, 1), or gamma = 1/2, which no sample size detects.
    """
    check_level(gamma, "gamma")
    if gamma == 0.5:
        raise StatisticsError("gamma = 0.5 means no difference; no number of runs detects it.")
    z = z_quantile(1 - check_level(alpha, "alpha")) + z_quantile(check_level(power, "power"))
    return (z / (math.sqrt(6) * (0.5 - gamma))) ** 2


def episodes_for_seeds(var_seed: float, var_episode: float, n_seeds: int) -> float:
    """Return T from which episodes cost under 10 % of the variance of a method interval.

    ``T = 9 S var_episode / var_seed``; infinite if seeds don't differ. Components come from
    :func:`fewshot_bench.stats.seed_episode_ci`.

    Args:
        var_seed: Variance between seeds, at least 0.
        var_episode: Variance between episodes, at least 0.
        n_seeds: Number of training seeds, S.

    Raises:
        StatisticsError: Negative variances or no seeds.
    """
    check_enough(n_seeds, 1, "seeds")
    if not (var_seed >= 0 and var_episode >= 0):
        raise StatisticsError("Variance components can't be negative or NaN.")
    return 9 * n_seeds * var_episode / var_seed if var_seed > 0 else math.inf


def chance_normalized(acc: ArrayLike, n_way: float) -> Floats:
    """Rescale accuracies so that chance is 0 and perfect is 1: (acc - 1/W) / (1 - 1/W).

    Args:
        acc: Fractions in [0, 1], any shape.
        n_way: Number of ways W, at least 2.

    Returns:
        Float64 of the same shape; negative below chance.

    Raises:
        StatisticsError: Values outside [0, 1], or fewer than 2 ways.
    """
    if check_positive(n_way, "n_way") < 2:
        raise StatisticsError(f"n_way must be at least 2; got {n_way}.")
    chance = 1 / n_way
    scaled: Floats = np.asarray((as_accuracies(acc, "acc", None) - chance) / (1 - chance))
    return scaled
