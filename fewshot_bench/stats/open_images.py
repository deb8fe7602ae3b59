"""Intervals about *new images* of the same classes, from ordinary episodes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fewshot_bench.errors import StatisticsError
from fewshot_bench.stats.distributions import t_quantile
from fewshot_bench.stats.interval import Interval, constant_limits, core
from fewshot_bench.stats.jackknife import PoolVariance, jackknife
from fewshot_bench.stats.pool import (
    EpisodeDesign,
    as_pool_sizes,
    disjoint_equivalent,
    merge_copies,
    original_sizes,
    read_design,
    without_repeats,
)
from fewshot_bench.stats.validate import (
    Floats,
    Ints,
    as_accuracies,
    check_choice,
    check_enough,
    check_level,
    is_constant,
)


@dataclass(frozen=True, kw_only=True)
class OpenInterval(Interval):
    """An :class:`Interval` that is about new images or new classes.

    Attributes:
        sd: Standard deviation (ddof 1) of the episode values.
        k: Number of disjoint episodes that the pool is worth.
        t_eff: Independent episodes that would give the same standard error.
        v_pool: Variance of the mean due to the finite pool (``V_img``, or that of classes).
        v_raw: Jackknife variance before noise correction; NaN for the bound.
        b: Monte-Carlo noise contained in `v_raw`; NaN for the bound.
        mean_visits: Episodes per image (or class); NaN without ids. Above 30, better 100.
    """

    sd: float
    k: float
    t_eff: float
    v_pool: float
    v_raw: float = math.nan
    b: float = math.nan
    mean_visits: float = math.nan


def open_image_ci(
    acc: ArrayLike,
    class_ids: ArrayLike | None,
    image_ids: ArrayLike | None,
    pool_sizes: ArrayLike,
    level: float = 0.95,
    method: str = "ij",
    *,
    bounded: bool = True,
    n_way: int | None = None,
    n_per_class: int | None = None,
    copies: int = 1,
) -> OpenInterval:
    """Return the mean over episodes with an interval that also covers redrawn images.

    ``"ij"`` is an infinitesimal jackknife over image ids: how much did episodes with image i
    differ from other episodes with its class? It follows the idea of Efron (2014) and Wager,
    Hastie and Efron (2014) for bagging, with the subsampling factor of Wager and Athey (2018).
    ``"bound"`` needs no ids and is conservative: the mean over all episodes of a pool is a
    U-statistic, which varies no more than a mean of disjoint episodes does (Hoeffding 1948).
    Also valid for paired differences (``bounded=False``).

    Args:
        acc: One value per episode, shape (T,), T >= 2; fractions in [0, 1].
        class_ids: Indices into `pool_sizes`, shape (T, W). Fill with -1 where an episode has
            fewer ways. May be ``None`` for the bound if `n_way` and `n_per_class` are given.
        image_ids: Ids of all support and query images, shape (T, W, m); global, or local to
            the class. Fill with -1 where an episode has fewer images.
        pool_sizes: Images per class in the pool, shape (C,).
        level: Confidence level.
        method: ``"ij"`` or ``"bound"``.
        bounded: Values are accuracies; ``False`` for losses and differences.
        n_way: W, only needed without ids.
        n_per_class: m = shot + query, only needed without ids.
        copies: Every class appears this often, turned (Omniglot: 4). Class c is a copy of class
            ``c % (C / copies)``, and image i of image ``i % (N / copies)``. The independent units
            are then the drawings, C / copies classes of them; the influence of each is judged by
            the episodes that show no class twice.

    Returns:
        ``method`` says what was used in the end. The jackknife falls back to the bound, with a
        flag, if episode sizes vary (``ragged_episodes``), a class has at most m images
        (``small_class``) or over 1 % of the images were never used (``unseen_images``).
        Flag ``few_visits``: below 30 visits per image, use more episodes.

    Raises:
        StatisticsError: Input that can't be what it should be; the message says what to do.
    """
    values = as_accuracies(acc, "acc", bounded=bounded)
    sizes = as_pool_sizes(pool_sizes)
    check_level(level)
    check_choice(method, ("ij", "bound"), "method")
    check_enough(values.size, 2, "episodes")
    check_enough(copies, 1, "copies")
    if class_ids is None or image_ids is None:
        sizes = sizes[: sizes.size // copies]
        if method == "ij" or n_way is None or n_per_class is None:
            raise StatisticsError(
                'Without class_ids and image_ids use method="bound" with n_way and n_per_class.'
            )
        k = disjoint_equivalent(sizes, n_way, n_per_class)
        return _finish(values, level, bounded, k, PoolVariance.bound(values, k))
    design = read_design(class_ids, image_ids, sizes, values.size)
    if copies > 1:
        return _finish(values, level, bounded, *_of_drawings(values, design, sizes, method, copies))
    k = disjoint_equivalent(sizes, design.classes.shape[1], design.images.shape[2])
    if method == "bound":
        return _finish(values, level, bounded, k, PoolVariance.bound(values, k))
    return _finish(values, level, bounded, k, jackknife(values, design, sizes, k))


def _of_drawings(
    values: Floats, design: EpisodeDesign, sizes: Ints, method: str, copies: int
) -> tuple[float, PoolVariance]:
    """Return k and the variance due to the pool where classes have turned copies."""
    own = original_sizes(sizes, copies)
    classes = merge_copies(design.classes, own.size)
    images = merge_copies(design.images, int(own.sum()))
    way, m = images.shape[1:]
    k = float(own.size**2 / (way * m * np.sum(1 / own)))
    alone = without_repeats(classes)
    if method == "bound":
        return k, PoolVariance.bound(values, k)
    if alone.sum() < 2 or way > own.size:
        return k, PoolVariance.bound(values, k, "rotated_copies")
    merged = EpisodeDesign(classes[alone], images[alone], design.ragged)
    return k, jackknife(values[alone], merged, own, k)


def _finish(
    values: Floats, level: float, bounded: bool, k: float, pool: PoolVariance
) -> OpenInterval:
    """Add the sampling variance s^2 / T and build the result."""
    n, mean = values.size, float(values.mean())
    s2 = float(values.var(ddof=1))
    flags, t_eff = pool.flags, 1 / (1 / n + 1 / k)
    if is_constant(values):
        s2, mean, flags = 0.0, float(values[0]), (*flags, "degenerate")
        low, high = constant_limits(mean, t_eff, level, bounded)
    else:
        variance = s2 / n + pool.v_pool
        half = t_quantile(level, n - 1) * math.sqrt(variance)
        low, high, t_eff = mean - half, mean + half, s2 / variance
    return OpenInterval(
        **core(mean, low, high, n, n - 1, level),
        estimand="open_images",
        method=pool.method,
        flags=flags,
        sd=math.sqrt(s2),
        k=k,
        t_eff=t_eff,
        v_pool=pool.v_pool,
        v_raw=pool.v_raw,
        b=pool.b,
        mean_visits=pool.mean_visits,
    )
