"""Intervals about *new classes*: the step from this test split to the world."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from fewshot_bench.errors import StatisticsError
from fewshot_bench.stats.distributions import t_quantile
from fewshot_bench.stats.interval import constant_limits, core
from fewshot_bench.stats.jackknife import MAX_UNSEEN
from fewshot_bench.stats.open_images import OpenInterval
from fewshot_bench.stats.pool import merge_copies, original_sizes, without_repeats
from fewshot_bench.stats.validate import (
    Floats,
    Ints,
    as_accuracies,
    as_integers,
    check_enough,
    check_level,
    is_constant,
)


def open_class_ci(
    acc: ArrayLike,
    class_ids: ArrayLike,
    n_classes: int,
    level: float = 0.95,
    *,
    bounded: bool = True,
    copies: int = 1,
) -> OpenInterval:
    """Return the mean over episodes with an interval that also covers redrawn classes.

    The jackknife of :func:`open_image_ci` with classes as units: ``f = W (C-1)/(C-W)``,
    ``U_c = f (mean of episodes with c - mean)``, t with C-1 degrees of freedom. Expect it to be
    6 to 10 times wider than the closed one: twenty test classes say little about new ones.

    Args:
        acc: One value per episode, shape (T,), T >= 2; fractions in [0, 1].
        class_ids: Labels of the classes of each episode, shape (T, W); any integers.
        n_classes: Classes in the split, C, with all copies; more than W without them.
        level: Confidence level.
        bounded: Values are accuracies; ``False`` for losses and differences.
        copies: Every class appears this often, turned (Omniglot: 4); class c is then a copy of
            class ``c % (C / copies)``, and C / copies stands for C below. The influence of each
            is judged by the episodes that show no class twice.

    Returns:
        ``k`` is C / W. If over 1 % of the classes never occur, the bound
        ``s^2 (1/T + W/C)`` is used instead (flags ``unseen_classes``, ``bound_used``), and also
        if all episodes show copies of one class (``rotated_copies``, ``bound_used``).

    Raises:
        StatisticsError: W >= C, since then all episodes hold the same classes; more different
            labels than `n_classes`; a class twice in one episode; bad values.
    """
    values = as_accuracies(acc, "acc", bounded=bounded)
    check_level(level)
    check_enough(values.size, 2, "episodes")
    classes, n_classes = _originals(class_ids, n_classes, values.size, copies)
    n, way, mean, s2 = (
        values.size,
        classes.shape[1],
        float(values.mean()),
        float(values.var(ddof=1)),
    )
    k = n_classes / way
    alone = without_repeats(classes) if copies > 1 else np.ones(n, dtype=bool)
    v_raw, b, flags = _class_variance(values[alone], classes[alone], n_classes)
    v_pool = max(v_raw - b, 0.0) + b * math.sqrt(2 / n_classes) if not flags else s2 / k
    t_eff = 1 / (1 / n + 1 / k)
    if is_constant(values):
        s2, mean, flags = 0.0, float(values[0]), (*flags, "degenerate")
        low, high = constant_limits(mean, t_eff, level, bounded)
    else:
        variance = s2 / n + v_pool
        half = t_quantile(level, n_classes - 1) * math.sqrt(variance)
        low, high, t_eff = mean - half, mean + half, s2 / variance
    return OpenInterval(
        **core(mean, low, high, n, n_classes - 1, level),
        estimand="open_classes",
        method="bound" if "bound_used" in flags else "ij",
        flags=flags,
        sd=math.sqrt(s2),
        k=k,
        t_eff=t_eff,
        v_pool=v_pool,
        v_raw=v_raw,
        b=b,
        mean_visits=n * way / n_classes,
    )


def _originals(class_ids: ArrayLike, n_classes: int, n: int, copies: int) -> tuple[Ints, int]:
    """Return class ids (T, W) with copies merged, and how many classes there are then."""
    check_enough(copies, 1, "copies")
    if copies == 1:
        classes = as_integers(class_ids, "class_ids", 2, minimum=np.iinfo(np.int64).min)
    else:
        classes = as_integers(class_ids, "class_ids", 2)
        if classes.max() >= n_classes:
            raise StatisticsError(
                f"With copies class_ids must be below n_classes = {n_classes}; got {classes.max()}."
            )
        n_classes = original_sizes(np.ones(n_classes, dtype=np.int64), copies).size
        classes = merge_copies(classes, n_classes)
    if classes.shape[0] != n:
        raise StatisticsError(f"class_ids has {classes.shape[0]} rows for {n} episodes.")
    way = classes.shape[1]
    if way >= n_classes:
        raise StatisticsError(
            f"Episodes of {way} classes from a split of {n_classes} say nothing about new "
            "classes (n_way must be below n_classes); use open_image_ci."
        )
    return classes, n_classes


def _class_variance(
    values: Floats, classes: Ints, n_classes: int
) -> tuple[float, float, tuple[str, ...]]:
    """Return V_raw and b, or NaN and the flags that say why the bound has to do."""
    if values.size < 2:
        return math.nan, math.nan, ("rotated_copies", "bound_used")
    labels = _read_labels(classes, n_classes)
    if labels.max() + 1 < (1 - MAX_UNSEEN) * n_classes:
        return math.nan, math.nan, ("unseen_classes", "bound_used")
    return *_class_moments(values - values.mean(), labels, n_classes), ()


def _read_labels(classes: Ints, n_classes: int) -> Ints:
    """Return class labels renumbered from 0, shape (T, W)."""
    ordered = np.sort(classes, axis=1)
    if np.any(ordered[:, 1:] == ordered[:, :-1]):
        raise StatisticsError("An episode uses the same class twice; check class_ids.")
    different, labels = np.unique(classes, return_inverse=True)
    if different.size > n_classes:
        raise StatisticsError(f"{different.size} classes occur, but n_classes is {n_classes}.")
    renumbered: Ints = labels.reshape(classes.shape)
    return renumbered


def _class_moments(centred: Floats, labels: Ints, n_classes: int) -> tuple[float, float]:
    """Return V_raw and the Monte-Carlo noise b in it."""
    n, way = labels.shape
    count = np.bincount(labels.ravel())
    influence = np.bincount(labels.ravel(), np.repeat(centred, way)) / count
    scale = (way * (n_classes - 1) / (n_classes - way)) ** 2 / (n_classes * (n_classes - 1))
    s2 = float(centred.var(ddof=1))
    return (
        float(scale * np.sum(influence**2)),
        float(scale * s2 * np.sum(1 / count - 1 / n)),
    )
