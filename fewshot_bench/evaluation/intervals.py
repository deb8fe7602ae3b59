"""The interval of stored results, always computed again from their episodes."""

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.pool import ROTATED, ROTATIONS
from fewshot_bench.errors import ConfigError, UnpairedError
from fewshot_bench.evaluation.arrays import design, is_ragged
from fewshot_bench.stats import (
    DegenerateWarning,
    Interval,
    OpenInterval,
    mean_ci,
    open_class_ci,
    open_image_ci,
    seed_episode_ci,
)

if TYPE_CHECKING:
    from fewshot_bench.evaluation.result import Result

KINDS = ("closed", "open_images", "open_classes")

QUESTIONS = {
    "closed": "other episodes from the same {images} images of {classes} classes,"
    " with {models}; new images, new classes or another training seed may differ by more",
    "open_images": "other images of the same {classes} classes, with {models};"
    " new classes or another training seed may differ by more",
    "open_classes": "other classes of the same kind, with {models};"
    " another training seed may differ by more",
    "method": "training again with another seed, on other episodes from the same"
    " {images} images of {classes} classes",
    "method and open_images": "training again with another seed, on other images of the same"
    " {classes} classes",
}


def interval_of(results: "Sequence[Result]", kind: str, level: float) -> Interval:
    """Mean accuracy with the interval that a kind stands for.

    Args:
        results: one evaluation, or evaluations of the same episodes by several training seeds.
        kind: ``closed``, ``open_images`` or ``open_classes``; several seeds always add theirs.
        level: confidence level.

    Raises:
        ConfigError: there is no such kind, or ``open_classes`` is asked of several seeds or of
            episodes of different numbers of classes.
        UnpairedError: the seeds were not tested on the same episodes.
    """
    if kind not in KINDS:
        raise ConfigError(f"there is no interval {kind!r}; there are {', '.join(KINDS)}")
    first = results[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # the flags say it
        if len(results) == 1:
            return _single(first, kind, level)
        if kind == "open_classes":
            raise ConfigError("several seeds go with --interval closed or open_images")
        matrix = seed_matrix(results)
        pool = _open_images(first, matrix.mean(axis=0), level) if kind == "open_images" else None
        return seed_episode_ci(matrix, level, v_image=pool.v_pool if pool else 0.0)


def seed_matrix(results: "Sequence[Result]") -> NDArray[np.float64]:
    """float64 (S, T): accuracies of several seeds on the same episodes."""
    hashes = results[0].columns["episode_hash"]
    if any(not np.array_equal(r.columns["episode_hash"], hashes) for r in results):
        raise UnpairedError("the seeds were not tested on the same episodes; evaluate them again")
    return np.stack([result.accuracy for result in results])


def in_percent(interval: Interval) -> str:
    """Mean, half-width and limits of an interval."""
    if not math.isfinite(interval.half_width):
        return f"{100 * interval.mean:.2f} % (one episode gives no interval)"
    low, high = 100 * interval.low, 100 * interval.high
    return (
        f"{100 * interval.mean:.2f} % +- {100 * interval.half_width:.2f}"
        f"  ({100 * interval.level:g}% {interval.estimand} interval {low:.2f} to {high:.2f})"
    )


def question(results: "Sequence[Result]", kind: str) -> str:
    """What the interval is about, in words."""
    several = len(results) > 1
    name = kind if not several else "method" if kind == "closed" else f"method and {kind}"
    pool_sizes = results[0].document.dataset.pool_sizes
    return QUESTIONS[name].format(
        images=sum(pool_sizes),
        classes=len(pool_sizes),
        models="this one trained model",
    )


def _single(result: "Result", kind: str, level: float) -> Interval:
    if kind == "open_images":
        # Disjoint episodes are independent draws of images: the plain interval is right.
        if _disjoint(result) and _copies(result) == 1:
            return mean_ci(result.accuracy, level, estimand="open_images")
        return _open_images(result, result.accuracy, level)
    if kind == "open_classes":
        if is_ragged(result.columns) and len(np.unique(result.columns["n_way"])) > 1:
            raise ConfigError(
                "open_classes needs as many classes in each episode; take closed or open_images"
            )
        n_classes = len(result.document.dataset.pool_sizes)
        classes, _ = design(result.columns)
        return open_class_ci(result.accuracy, classes, n_classes, level, copies=_copies(result))
    return mean_ci(result.accuracy, level)


def _open_images(result: "Result", values: NDArray[np.float64], level: float) -> OpenInterval:
    classes, images = design(result.columns)
    pool_sizes = result.document.dataset.pool_sizes
    copies = _copies(result)
    # Disjoint episodes show no image twice, which leaves the jackknife nothing to go by.
    method = "bound" if _disjoint(result) and copies > 1 else "ij"
    return open_image_ci(values, classes, images, pool_sizes, level, method, copies=copies)


def _disjoint(result: "Result") -> bool:
    """Whether no image is in two of the episodes."""
    return result.document.protocol.sampler.drawing == "disjoint"


def _copies(result: "Result") -> int:
    """How often each class appears: rotated ones are no new classes, nor are their images."""
    return ROTATIONS if result.document.dataset.fingerprint.endswith(ROTATED) else 1
