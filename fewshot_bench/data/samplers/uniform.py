"""The usual episodes: classes and images uniform without replacement, each episode afresh."""

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.episodes import EpisodeIds, Task, rectangular_ids
from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers.base import Sampler, check_fits, in_blocks
from fewshot_bench.data.samplers.stream import (
    episode_stream,
    episode_words,
    partial_shuffle,
    shuffle,
)


class UniformSampler(Sampler):
    """Classes without replacement, images of a class without replacement, episodes independent.

    Args:
        pool: where the images come from.
        task: shape of an episode.
        seed: number of the episode list, 0 or more.

    Raises:
        ConfigError: the pool has too few classes, or a class too few images.
    """

    mode = "replacement"  # its name before there was a registry; results are found by it

    def __init__(self, pool: Pool, task: Task, seed: int = 0) -> None:
        check_fits(pool, task)
        super().__init__(pool, task, seed)
        self._key = self.key(self.purpose)

    def __call__(self, start: int, count: int) -> EpisodeIds:
        """Draw episodes start, ..., start + count - 1."""
        return in_blocks(self._draw, start, count)

    def _draw(self, start: int, count: int) -> EpisodeIds:
        task, starts, sizes = self.task, self.pool.class_starts, self.pool.class_sizes
        raw = self._words(start, count)
        draws = raw[:, : task.n_way]
        classes, ok = partial_shuffle(draws, np.full(count, self.pool.n_classes))
        bounds = sizes[classes]
        draws = raw[:, task.n_way :].reshape(count * task.n_way, task.per_class)
        images, fine = partial_shuffle(draws, bounds.reshape(-1))
        ids = starts[classes][..., None] + images.reshape(count, task.n_way, task.per_class)
        for row in np.flatnonzero(~(ok & fine.reshape(count, -1).all(axis=1))):
            classes[row], ids[row] = self._draw_slowly(start + int(row))
        index = np.arange(start, start + count, dtype=np.uint32)
        return rectangular_ids(index, classes, ids, task.n_shot)

    def _words(self, start: int, count: int) -> NDArray[np.uint64]:
        """uint64 (count, way + way * per_class)."""
        return episode_words(self._key, start, count, self.task.n_way * (1 + self.task.per_class))

    def _draw_slowly(self, episode: int) -> tuple[list[int], list[list[int]]]:
        """One episode word by word, for the rare stream with a rejected word (about 1 in 2**40)."""
        stream = episode_stream(self._key, episode)
        classes = shuffle(stream, self.pool.n_classes, self.task.n_way)
        starts, sizes = self.pool.class_starts, self.pool.class_sizes
        ids = [
            [int(starts[c]) + i for i in shuffle(stream, int(sizes[c]), self.task.per_class)]
            for c in classes
        ]
        return classes, ids
