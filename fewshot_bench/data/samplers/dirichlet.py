"""Episodes whose classes have unequal numbers of queries, as tasks outside benchmarks do.

Veilleux, Boudiaf, Piantanida, Ben Ayed: Realistic Evaluation of Transductive Few-Shot Learning,
2021, arXiv 2204.11181.

The shares of the classes among the queries come from a symmetric Dirichlet distribution; their
total is fixed. Counts follow by the method of the largest remainder. Departures from the released
code: that rounds a share of a random class, and may use one image as support and as query.

``alpha`` is a whole number here: the shares are then gaps between sorted uniform numbers, exact in
integers, so lists do not depend on the logarithm of a machine's mathematics library.
"""

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.episodes import EpisodeIds, Labels, Task, class_by_class
from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers.base import Sampler, check_fits, check_whole, in_blocks
from fewshot_bench.data.samplers.stream import (
    episode_stream,
    episode_words,
    partial_shuffle,
    shuffle,
)

SHARE_BITS = 40  # shares are whole multiples of 2**-40; times the number of queries they fit int64

Whole = NDArray[np.int64]


class DirichletSampler(Sampler):
    """Uniform classes and images, unequal numbers of queries of each class, 0 possible.

    A class that has fewer images than its share asks for gives what it has; the rest goes to the
    other classes of the episode by their shares. ``notes`` says so where that can happen.

    Args:
        pool: where the images come from.
        task: ways, shots, and the mean number of queries per class; their total is fixed.
        seed: number of the episode list, 0 or more.
        alpha: concentration, 1 to 100; the larger, the closer to equal numbers.

    Raises:
        ConfigError: the pool has too few classes, a class too few images, or a wrong ``alpha``.
    """

    mode = "dirichlet"
    rectangular = False

    def __init__(self, pool: Pool, task: Task, seed: int = 0, alpha: int = 2) -> None:
        check_fits(pool, task)
        self.alpha = check_whole("alpha", alpha, 1, 100)
        super().__init__(pool, task, seed)
        self._key = self.key(self.purpose)
        self._cuts = task.n_way * alpha - 1

    @property
    def options(self) -> dict[str, int]:
        """The concentration."""
        return {"alpha": self.alpha}

    @property
    def protocol_id(self) -> str:
        """Names the total number of queries and the concentration."""
        task = self.task
        shape = f"{task.n_way}-way-{task.n_shot}-shot-{self.most_queries}-queries"
        return f"{self.pool.name}/{shape}-dirichlet-{self.alpha}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Whether classes can be too small for their share."""
        wanted = self.task.n_shot + self.most_queries
        small = int((self.pool.class_sizes < wanted).sum())
        if not small:
            return ()
        return (
            f"{small} of {self.pool.n_classes} classes have fewer than shot + all queries ="
            f" {wanted} images; queries beyond what such a class has go to the other classes",
        )

    def __call__(self, start: int, count: int) -> EpisodeIds:
        """Draw episodes start, ..., start + count - 1."""
        return in_blocks(self._draw, start, count)

    def _draw(self, start: int, count: int) -> EpisodeIds:
        n_way, n_shot, total = self.task.n_way, self.task.n_shot, self.most_queries
        head = self._cuts + n_way
        raw = episode_words(self._key, start, count, head + n_way * n_shot + total)
        drawn = raw[:, self._cuts : head]
        classes, ok = partial_shuffle(drawn, np.full(count, self.pool.n_classes))
        used = n_shot + self._counts(raw[:, : self._cuts], classes)
        ids, fine = self._images(raw[:, head:], classes, used)
        position = np.arange(ids.shape[2])
        asked = (position >= n_shot) & (position < used[..., None])
        labels: Labels = np.broadcast_to(np.arange(n_way)[:, None], asked.shape)
        block = EpisodeIds(
            index=np.arange(start, start + count, dtype=np.uint32),
            class_ids=classes.astype(np.int32),
            support_ids=ids[..., :n_shot].astype(np.int32).reshape(count, -1),
            support_labels=class_by_class(count, n_way, n_shot),
            query_ids=ids[asked].astype(np.int32).reshape(count, total),
            query_labels=labels[asked].reshape(count, total),
        )
        for row in np.flatnonzero(~(ok & fine)):
            self._draw_slowly(block, int(row))
        return block

    def _counts(self, cuts: NDArray[np.uint64], classes: Whole) -> Whole:
        """(B, way): queries of each class."""
        shares = dirichlet_shares(cuts, self.alpha)
        room = self.pool.class_sizes[classes] - self.task.n_shot
        return within(largest_remainder(self.most_queries, shares), room, shares)

    def _images(
        self, raw: NDArray[np.uint64], classes: Whole, used: Whole
    ) -> tuple[Whole, NDArray[np.bool_]]:
        """(B, way, largest ``used``) image ids, and (B,) whether no word was rejected."""
        rows, n_way = classes.shape
        depth = int(used.max())
        column = (np.cumsum(used, axis=1) - used)[..., None] + np.arange(depth)
        column = np.minimum(column, raw.shape[1] - 1)  # words beyond the last are not used
        draws = raw[np.arange(rows)[:, None, None], column].reshape(-1, depth)
        sizes = self.pool.class_sizes[classes].reshape(-1)
        images, fine = partial_shuffle(draws, sizes, used.reshape(-1))
        ids = self.pool.class_starts[classes][..., None] + images.reshape(rows, n_way, depth)
        return ids, np.asarray(fine.reshape(rows, n_way).all(axis=1))

    def _draw_slowly(self, block: EpisodeIds, row: int) -> None:
        """Fill in one episode word by word, for the rare stream with a rejected word."""
        pool, n_shot = self.pool, self.task.n_shot
        stream = episode_stream(self._key, int(block.index[row]))
        cuts = stream.random_raw(self._cuts)
        classes = shuffle(stream, pool.n_classes, self.task.n_way)
        used = n_shot + self._counts(cuts[None], np.array([classes]))[0]
        images = [
            pool.class_starts[c] + np.array(shuffle(stream, int(pool.class_sizes[c]), int(k)))
            for c, k in zip(classes, used, strict=True)
        ]
        block.class_ids[row] = classes
        block.support_ids[row] = np.concatenate([ids[:n_shot] for ids in images])
        block.query_ids[row] = np.concatenate([ids[n_shot:] for ids in images])
        block.query_labels[row] = np.repeat(np.arange(len(used)), used - n_shot)


def dirichlet_shares(words: NDArray[np.uint64], alpha: int) -> Whole:
    """Draws of a symmetric Dirichlet distribution, in units of 2**-40.

    With n * alpha - 1 uniform numbers in order, the unit interval falls into n * alpha gaps whose
    joint distribution is Dirichlet(1, ..., 1); sums of alpha of them are Dirichlet(alpha, ...).

    Args:
        words: uint64 (B, n * alpha - 1), random.
        alpha: concentration, at least 1.

    Returns:
        int64 (B, n), 0 or more; each row sums to 2**40.
    """
    cuts = np.sort(words >> np.uint64(64 - SHARE_BITS), axis=1).astype(np.int64)
    return np.diff(cuts[:, alpha - 1 :: alpha], axis=1, prepend=0, append=1 << SHARE_BITS)


def largest_remainder(total: int | Whole, weights: Whole) -> Whole:
    """Share out ``total`` things by weight: whole parts first, the rest to the largest fractions.

    Args:
        total: how many, or int64 (...).
        weights: int64 (..., n), 0 or more, not all 0; total * weights must fit 63 bits.

    Returns:
        int64 (..., n) that sum to ``total``. Of equal fractions the first comes first.

    Example:
        >>> largest_remainder(75, np.array([50, 30, 10, 6, 4])).tolist()
        [38, 23, 7, 4, 3]
    """
    wanted = np.asarray(total)[..., None]
    counts, rest = np.divmod(wanted * weights, weights.sum(axis=-1, keepdims=True))
    rank = np.argsort(np.argsort(-rest, axis=-1, kind="stable"), axis=-1)
    return np.asarray(counts + (rank < wanted - counts.sum(axis=-1, keepdims=True)))


def within(counts: Whole, room: Whole, weights: Whole) -> Whole:
    """Move what is beyond the room of a class to the others, by their weights.

    Args:
        counts: int64 (B, n).
        room: int64 (B, n); each row has room for its counts in all.
        weights: int64 (B, n), 0 or more.

    Returns:
        int64 (B, n) of the same sums, at most ``room``.
    """
    counts = counts.copy()
    while len(over := np.flatnonzero((counts > room).any(axis=1))):
        kept = np.minimum(counts[over], room[over])
        beyond = (counts[over] - kept).sum(axis=1)
        open_ = np.where(kept < room[over], weights[over] + 1, 0)  # a weight of 0 counts, too
        counts[over] = kept + largest_remainder(beyond, open_)
    return counts
