"""Episodes that share no image: few of them, but independent draws of images.

The mean over ordinary episodes says how a method does on *this* pool of images; disjoint episodes
are as independent as the images themselves, so an ordinary interval over them is about new images
of the same classes (Lafargue et al., TMLR 2024, arXiv 2409.02850).

Sampling in rounds avoids that late episodes come from large classes only: the images of each class
are shuffled once; round l shuffles the classes, cuts them into groups of n_way and gives each class
its l-th block of shot + query images.
"""

import numpy as np
from numpy.random import Philox

from fewshot_bench.data.episodes import EpisodeIds, Task, rectangular_ids
from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers.base import Sampler, check_fits
from fewshot_bench.data.samplers.stream import shuffle
from fewshot_bench.errors import ConfigError


class DisjointSampler(Sampler):
    """All disjoint episodes of a pool, in a fixed order.

    Args:
        pool: where the images come from.
        task: shape of an episode.
        seed: number of the episode list, 0 or more.

    Attributes:
        total: how many episodes there are.

    Raises:
        ConfigError: the pool has too few classes, or a class too few images.
    """

    mode = "disjoint"

    def __init__(self, pool: Pool, task: Task, seed: int = 0) -> None:
        check_fits(pool, task)
        super().__init__(pool, task, seed)
        self._all = self._draw_all()
        self.total = len(self._all)

    @property
    def purpose(self) -> str:
        """The protocol is that of ordinary episodes, the random numbers are not."""
        return f"{self.protocol_id}/{self.mode}"

    def __call__(self, start: int, count: int) -> EpisodeIds:
        """Episodes start, ..., start + count - 1; raises ConfigError beyond the last one."""
        if start + count > self.total:
            raise ConfigError(
                f"{self.pool.name} has {self.total} disjoint {self.task.id} episodes,"
                f" not {start + count}; lower --episodes or use --sampler uniform"
            )
        return self._all[start : start + count]

    def _draw_all(self) -> EpisodeIds:
        pool, task = self.pool, self.task
        stream = Philox(key=self.key(self.purpose))
        decks = [
            int(start) + np.array(shuffle(stream, int(size), int(size)))
            for start, size in zip(pool.class_starts, pool.class_sizes, strict=True)
        ]
        groups = pool.n_classes // task.n_way
        rounds = int(pool.class_sizes.min()) // task.per_class
        classes = np.array(
            [shuffle(stream, pool.n_classes, groups * task.n_way) for _ in range(rounds)]
        ).reshape(rounds * groups, task.n_way)
        round_of = np.repeat(np.arange(rounds), groups) * task.per_class
        images = np.array(
            [
                [decks[c][first : first + task.per_class] for c in row]
                for row, first in zip(classes, round_of, strict=True)
            ]
        )
        index = np.arange(len(classes), dtype=np.uint32)
        return rectangular_ids(index, classes, images, task.n_shot)
