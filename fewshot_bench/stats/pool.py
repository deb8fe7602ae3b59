"""What the image ids of episodes say about the pool they were drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fewshot_bench.errors import StatisticsError
from fewshot_bench.stats.validate import Floats, Ints, as_integers, check_enough

PAD = -1  # fills class_ids and image_ids where an episode has fewer ways or images than the largest


@dataclass(frozen=True, eq=False)
class EpisodeDesign:
    """Which classes and images T episodes used.

    Attributes:
        classes: Shape (T, W), class indices.
        images: Shape (T, W, m), image ids; m = shot + query.
        ragged: Way, shot or query varies between episodes (some entries are ``PAD``).
    """

    classes: Ints
    images: Ints
    ragged: bool


def read_design(class_ids: ArrayLike, image_ids: ArrayLike, sizes: Ints, n: int) -> EpisodeDesign:
    """Check the ids of `n` episodes against the pool sizes (C,) and each other.

    Raises:
        StatisticsError: Shapes don't match, an id is out of range, or a class or image occurs
            twice in one episode.
    """
    classes = as_integers(class_ids, "class_ids", 2, minimum=PAD)
    images = as_integers(image_ids, "image_ids", 3, minimum=PAD)
    if classes.shape[0] != n or images.shape[:2] != classes.shape:
        raise StatisticsError(
            f"Shapes must be acc (T,), class_ids (T, W), image_ids (T, W, m); got ({n},), "
            f"{classes.shape}, {images.shape}."
        )
    if classes.max() >= sizes.size:
        raise StatisticsError(
            f"class_ids must be indices into pool_sizes (0 to {sizes.size - 1}); "
            f"got {classes.max()}."
        )
    padded = np.where((classes == PAD)[:, :, None], PAD, images)
    _refuse_repeats(classes, "class")
    _refuse_repeats(padded, "image of one class")
    return EpisodeDesign(classes, padded, bool(np.any(padded == PAD)))


def original_sizes(sizes: Ints, copies: int) -> Ints:
    """Return the images of the classes that turned copies were made from, shape (C / copies,).

    Args:
        sizes: Images per class with all copies, shape (C,); class c is a copy of class
            ``c % (C / copies)``.
        copies: Copies of each class.

    Raises:
        StatisticsError: The classes do not consist of that many equal copies.
    """
    check_enough(copies, 1, "copies")
    n_classes = sizes.size // copies
    if sizes.size % copies or np.any(sizes.reshape(copies, -1) != sizes[:n_classes]):
        raise StatisticsError(f"{sizes.size} classes are not {copies} copies of the same ones.")
    return sizes[:n_classes]


def merge_copies(ids: Ints, n: int) -> Ints:
    """Return ids of the originals, of which there are `n`, for ids of copies of any shape."""
    return np.where(ids == PAD, PAD, ids % n)


def without_repeats(classes: Ints) -> NDArray[np.bool_]:
    """Return which episodes use no class twice, shape (T,), from class indices (T, W)."""
    ordered = np.sort(classes, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != PAD)
    alone: NDArray[np.bool_] = ~twice.any(axis=1)
    return alone


def _refuse_repeats(ids: Ints, what: str) -> None:
    """Raise if an id other than ``PAD`` occurs twice along the last axis."""
    ordered = np.sort(ids, axis=-1)
    if np.any((ordered[..., 1:] == ordered[..., :-1]) & (ordered[..., 1:] != PAD)):
        raise StatisticsError(f"An episode uses the same {what} twice; check the ids.")


def as_pool_sizes(pool_sizes: ArrayLike) -> Ints:
    """Return the numbers of images per class (C,), each at least 1."""
    return as_integers(pool_sizes, "pool_sizes", 1, minimum=1)


def disjoint_equivalent(pool_sizes: ArrayLike, n_way: int, n_per_class: int) -> float:
    """Return k, the number of disjoint episodes that the pool is worth.

    ``1/k = (W m / C^2) sum_c 1/n_c``; for a balanced pool k = N / (W m).

    Args:
        pool_sizes: Images per class, shape (C,).
        n_way: Classes per episode, W.
        n_per_class: Images per class and episode, m = shot + query.

    Raises:
        StatisticsError: Sizes below 1, or more ways than classes.
    """
    sizes = as_pool_sizes(pool_sizes)
    if not (1 <= n_way <= sizes.size and n_per_class >= 1):
        raise StatisticsError(
            f"Episodes of {n_way} classes with {n_per_class} images each can't be drawn from a "
            f"pool of {sizes.size} classes; check n_way, n_per_class and pool_sizes."
        )
    return float(sizes.size**2 / (n_way * n_per_class * np.sum(1 / sizes)))


@dataclass(frozen=True, eq=False)
class Visits:
    """How often each image that occurs at all was used, and how well its episodes went.

    Attributes:
        class_of: Class index of each seen image, shape (n_seen,).
        count: Episodes that contain the image, in either role, shape (n_seen,).
        mean: Mean accuracy of those episodes, shape (n_seen,).
    """

    class_of: Ints
    count: Ints
    mean: Floats


def image_visits(acc: Floats, design: EpisodeDesign, sizes: Ints) -> Visits:
    """Count the visits of each image of a design that is not ragged.

    Images are told apart by (class, id), so ids may be global or local to their class.

    Raises:
        StatisticsError: More different images of a class occur than the pool has.
    """
    span = int(design.images.max()) + 1
    key = (design.classes[:, :, None] * span + design.images).ravel()
    names = None
    if span * sizes.size > 8 * key.size:  # a sparse pool: counting over all ids would waste memory
        names, key = np.unique(key, return_inverse=True)
    count = np.bincount(key)
    total = np.bincount(key, weights=np.repeat(acc, key.size // acc.size))
    seen = np.flatnonzero(count)
    class_of = (seen if names is None else names[seen]) // span
    different = np.bincount(class_of, minlength=sizes.size)
    if np.any(different > sizes):
        worst = int(np.argmax(different - sizes))
        raise StatisticsError(
            f"Class {worst} shows {different[worst]} different images but pool_sizes gives "
            f"{sizes[worst]}; give the sizes of the pool that the episodes were drawn from."
        )
    return Visits(class_of, count[seen], total[seen] / count[seen])
