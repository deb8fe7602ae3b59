"""Episodes whose numbers of classes and of shots vary, as in Meta-Dataset.

Triantafillou et al.: Meta-Dataset: A Dataset of Datasets for Learning to Learn from Few Examples,
2020, arXiv 1903.03096, section 3.2 and appendix A.

1. The number of classes is uniform between ``min_way`` and ``max_way`` (or all classes); which, is
   uniform. Class hierarchies, which the paper uses for two of its data sets, are not.
2. Every class has as many queries: ``max_query``, or half the images of the smallest class.
3. The support set holds the sum over classes of ceil(b * min(``max_class_support``, images left)),
   with b uniform in (0, 1], and ``max_support`` at most.
4. One support image of each class is sure; the others are shared out by class size times a factor
   whose logarithm is uniform between log(1/2) and log(2), rounded down, as far as images go.
"""

import numpy as np
from numpy.random import Philox

from fewshot_bench.data.episodes import EpisodeIds, Task
from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers.base import Sampler, check_whole
from fewshot_bench.data.samplers.stream import below, episode_stream, shuffle
from fewshot_bench.errors import ConfigError

FACTOR_BITS = 32  # factors of class sizes are whole multiples of 2**-32


class VariedSampler(Sampler):
    """Ways and shots of each episode are drawn; the task's own numbers are not used.

    Args:
        pool: where the images come from; every class has at least 2.
        task: ignored, see the parameters.
        seed: number of the episode list, 0 or more.
        min_way: fewest classes, at least 2.
        max_way: most classes.
        max_query: most queries of a class.
        max_support: most support images of an episode.
        max_class_support: most that a class adds to the size of the support set.

    Raises:
        ConfigError: a parameter is out of range, or the pool has too few classes or images.
    """

    mode = "varied"
    one_shape = False
    rectangular = False

    def __init__(
        self,
        pool: Pool,
        task: Task,
        seed: int = 0,
        min_way: int = 5,
        max_way: int = 50,
        max_query: int = 10,
        max_support: int = 500,
        max_class_support: int = 100,
    ) -> None:
        super().__init__(pool, task, seed)
        self.min_way = check_whole("min_way", min_way, 2, 256)
        self.max_way = check_whole("max_way", max_way, min_way, 256)
        self.max_query = check_whole("max_query", max_query, 1, 1000)
        self.max_support = check_whole("max_support", max_support, max_way, 10_000)
        self.max_class_support = check_whole("max_class_support", max_class_support, 1, 10_000)
        _check_pool(pool, min_way)
        self._key = self.key(self.purpose)

    @property
    def options(self) -> dict[str, int]:
        """All limits."""
        return {
            "min_way": self.min_way,
            "max_way": self.max_way,
            "max_query": self.max_query,
            "max_support": self.max_support,
            "max_class_support": self.max_class_support,
        }

    @property
    def shape(self) -> dict[str, int | None]:
        """Everything differs from episode to episode."""
        return dict.fromkeys(("way", "shot", "query"))

    @property
    def protocol_id(self) -> str:
        """Names all limits, in the order of the parameters."""
        limits = "-".join(map(str, self.options.values()))
        return f"{self.pool.name}/varied-{limits}"

    @property
    def most_images(self) -> int:
        """Images of the largest possible episode."""
        return self.max_support + self.most_queries

    @property
    def most_queries(self) -> int:
        """Queries of the largest possible episode."""
        return self.max_way * self.max_query

    def __call__(self, start: int, count: int) -> EpisodeIds:
        """Draw episode ``start``; ``count`` must be 1."""
        if count != 1:
            raise ConfigError("episodes of varied shapes come one by one, not in batches")
        stream = episode_stream(self._key, start)
        n_way = self.min_way + below(stream, self._most_way - self.min_way + 1)
        classes = np.array(shuffle(stream, self.pool.n_classes, n_way))
        sizes = self.pool.class_sizes[classes]
        n_query = min(self.max_query, int(sizes.min()) // 2)
        shots = self._shots(stream, sizes.tolist(), n_query)
        images = [
            self.pool.class_starts[c] + np.array(shuffle(stream, int(size), shot + n_query))
            for c, size, shot in zip(classes, sizes, shots, strict=True)
        ]
        pairs = list(zip(images, shots, strict=True))
        return EpisodeIds(
            index=np.array([start], dtype=np.uint32),
            class_ids=classes[None].astype(np.int32),
            support_ids=np.concatenate([ids[:shot] for ids, shot in pairs])[None].astype(np.int32),
            support_labels=np.repeat(np.arange(n_way), shots)[None],
            query_ids=np.concatenate([ids[shot:] for ids, shot in pairs])[None].astype(np.int32),
            query_labels=np.repeat(np.arange(n_way), n_query)[None],
        )

    @property
    def _most_way(self) -> int:
        return min(self.max_way, self.pool.n_classes)

    def _shots(self, stream: Philox, sizes: list[int], n_query: int) -> list[int]:
        """Support images of each class, at least 1; whole numbers throughout, so exact."""
        left = [size - n_query for size in sizes]
        share = 1 + (int(stream.random_raw()) >> 11)  # b times 2**53, in 1 .. 2**53
        added = sum(-(-share * min(self.max_class_support, n) >> 53) for n in left)
        spare = min(self.max_support, added) - len(sizes)
        weights = [size * _factor(int(stream.random_raw())) for size in sizes]
        whole = sum(weights)
        return [min(1 + spare * w // whole, n) for w, n in zip(weights, left, strict=True)]


def _factor(word: int) -> int:
    """2 to the power of a number uniform in [-1, 1), in units of 2**-32."""
    exponent = 2 * (word >> 11) / 2**53 - 1
    return int(2.0**exponent * 2**FACTOR_BITS)


def _check_pool(pool: Pool, min_way: int) -> None:
    if pool.n_classes < min_way:
        raise ConfigError(
            f"varied episodes have {min_way} classes or more, but {pool.name} has"
            f" {pool.n_classes}; lower sampler_options.min_way"
        )
    if (small := int((pool.class_sizes < 2).sum())) > 0:
        raise ConfigError(
            f"{small} classes of {pool.name} have one image; varied episodes need two or more"
        )
