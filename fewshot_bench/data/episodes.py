"""What an episode is: which images, each with its label, and an identity that follows from them.

Nothing follows from the position of an image. Blocks hold consecutive episodes of one shape; their
ids stand class by class, which is a custom of the samplers and of what is stored, and no more.
"""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.errors import ConfigError

Ids = NDArray[np.int32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """The shape of an episode.

    Attributes:
        n_way: classes per episode, at least 2.
        n_shot: support images per class, at least 1.
        n_query: query images per class, at least 1.
    """

    n_way: int = 5
    n_shot: int = 1
    n_query: int = 15

    def __post_init__(self) -> None:
        for name, least in (("n_way", 2), ("n_shot", 1), ("n_query", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}, not {getattr(self, name)}")

    @property
    def per_class(self) -> int:
        """Images of one class in one episode."""
        return self.n_shot + self.n_query

    @property
    def id(self) -> str:
        """Name in results and hashes."""
        return f"{self.n_way}-way-{self.n_shot}-shot-{self.n_query}-query"


@dataclass(frozen=True, eq=False)
class EpisodeIds:
    """A block of B episodes of one shape, as indices into a pool.

    Attributes:
        index: uint32 (B,), the episode numbers t, consecutive.
        class_ids: int32 (B, way); position in the row is the label in the episode.
        support_ids: int32 (B, S), image ids.
        support_labels: int64 (B, S), in 0 .. way - 1.
        query_ids: int32 (B, Q), image ids, disjoint from the support's.
        query_labels: int64 (B, Q).
    """

    index: NDArray[np.uint32]
    class_ids: Ids
    support_ids: Ids
    support_labels: Labels
    query_ids: Ids
    query_labels: Labels

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: slice) -> "EpisodeIds":
        """Some of the episodes."""
        return EpisodeIds(*(values[rows] for values in _arrays(self)))

    @property
    def n_way(self) -> int:
        """Classes of each episode."""
        return int(self.class_ids.shape[1])


def _arrays(ids: EpisodeIds) -> tuple[NDArray[Any], ...]:
    return (
        ids.index,
        ids.class_ids,
        ids.support_ids,
        ids.support_labels,
        ids.query_ids,
        ids.query_labels,
    )


def concatenate(blocks: Sequence[EpisodeIds]) -> EpisodeIds:
    """Join blocks of episodes of one shape."""
    return EpisodeIds(*map(np.concatenate, zip(*map(_arrays, blocks), strict=True)))


def class_by_class(rows: int, n_way: int, per_class: int) -> Labels:
    """int64 (rows, n_way * per_class), read-only: labels 0, 0, ..., 1, 1, ... in each row."""
    labels = np.repeat(np.arange(n_way), per_class)
    return np.broadcast_to(labels, (rows, len(labels)))


def rectangular_ids(
    index: NDArray[np.uint32], classes: NDArray[np.int64], images: NDArray[np.int64], n_shot: int
) -> EpisodeIds:
    """A block in which each class has as many images as the others.

    Args:
        index: uint32 (B,), episode numbers.
        classes: (B, way), class ids.
        images: (B, way, shot + query), image ids; those of the support come first.
        n_shot: support images per class.
    """
    rows, n_way, per_class = images.shape
    return EpisodeIds(
        index=index,
        class_ids=classes.astype(np.int32),
        support_ids=images[..., :n_shot].astype(np.int32).reshape(rows, -1),
        support_labels=class_by_class(rows, n_way, n_shot),
        query_ids=images[..., n_shot:].astype(np.int32).reshape(rows, -1),
        query_labels=class_by_class(rows, n_way, per_class - n_shot),
    )


def episode_hashes(fingerprint: str, ids: EpisodeIds) -> NDArray[np.uint64]:
    """uint64 (B,): identity of each episode, over its fingerprint and all ids in order.

    Where the classes of an episode differ in their numbers of images, its labels count too.
    """
    digest = functools.partial(hashlib.blake2b, digest_size=8)
    parts = (ids.class_ids, ids.support_ids, ids.query_ids)
    rows = np.concatenate(parts, axis=1).astype("<i4")
    labels = np.concatenate([ids.support_labels, ids.query_labels], axis=1).astype("<i4")
    plain = _is_rectangular(ids)
    head = fingerprint.encode()
    hashes = [
        digest(head + row.tobytes() + (b"" if equal else b"labels" + marks.tobytes())).digest()
        for row, marks, equal in zip(rows, labels, plain.tolist(), strict=True)
    ]
    return np.frombuffer(b"".join(hashes), dtype="<u8").astype(np.uint64)


def _is_rectangular(ids: EpisodeIds) -> NDArray[np.bool_]:
    """bool (B,): the ids stand class by class, as many of each class."""
    equal = np.ones(len(ids), dtype=bool)
    for labels in (ids.support_labels, ids.query_labels):
        per_class, rest = divmod(labels.shape[1], ids.n_way)
        if rest:
            return np.zeros(len(ids), dtype=bool)
        equal &= (labels == class_by_class(len(ids), ids.n_way, per_class)).all(axis=1)
    return equal
