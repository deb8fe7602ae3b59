"""What a sampler is: episode numbers in, image ids out.

Episode t depends on (sampler version, data fingerprint, protocol, seed, t) and on nothing else: no
global random state, no batch size, no number of workers. So the first 600 of 10,000 episodes are
the 600-episode list, and two methods with the same arguments see the same episodes.
"""

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.episodes import EpisodeIds, Task, concatenate
from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers.stream import orders, stream_key
from fewshot_bench.errors import ConfigError
from fewshot_bench.registry import SAMPLERS

BLOCK = 256  # episodes drawn together: enough to vectorise, few enough for the cache
OLD_NAMES = {"replacement": "uniform"}  # in configurations and results of earlier versions


class Sampler(ABC):
    """A list of episodes.

    Args:
        pool: where the images come from.
        task: shape of an episode.
        seed: number of the episode list, 0 or more.

    Attributes:
        mode: its name in results.
        one_shape: every episode holds as many images as the others; if not, they come one by one.
        rectangular: every class of an episode has as many images as the others, too.
    """

    mode: ClassVar[str]
    one_shape: ClassVar[bool] = True
    rectangular: ClassVar[bool] = True

    def __init__(self, pool: Pool, task: Task, seed: int = 0) -> None:
        self.pool, self.task, self.seed = pool, task, seed

    @abstractmethod
    def __call__(self, start: int, count: int) -> EpisodeIds:
        """Episodes start, ..., start + count - 1; the same whatever was asked before.

        Raises:
            ConfigError: the list is shorter, or the episodes differ in shape and count is not 1.
        """

    @property
    def options(self) -> dict[str, int]:
        """Parameters of the sampler itself, by name."""
        return {}

    @property
    def shape(self) -> dict[str, int | None]:
        """``way``, ``shot`` and ``query`` of every class and episode; None where they differ.

        Of numbers of queries that are unequal by design it is the mean.
        """
        return {"way": self.task.n_way, "shot": self.task.n_shot, "query": self.task.n_query}

    @property
    def protocol_id(self) -> str:
        """What results must have in common to be compared, besides their data."""
        return f"{self.pool.name}/{self.task.id}"

    @property
    def purpose(self) -> str:
        """What sets the random numbers of this list apart from others of the same data."""
        return self.protocol_id

    @property
    def notes(self) -> tuple[str, ...]:
        """What people must know of this list, one line each."""
        return ()

    @property
    def most_images(self) -> int:
        """Images of the largest possible episode."""
        return self.task.n_way * self.task.per_class

    @property
    def most_queries(self) -> int:
        """Queries of the largest possible episode."""
        return self.task.n_way * self.task.n_query

    def key(self, purpose: str) -> int:
        """Philox key of one use of random numbers."""
        return stream_key(self.pool.source_fingerprint, purpose, self.seed)

    @functools.cached_property
    def _order_key(self) -> int:
        return self.key(f"{self.purpose}/query-order")

    def query_order(self, ids: EpisodeIds) -> NDArray[np.int64]:
        """int64 (B, Q): the order in which the queries of some of its episodes reach a method.

        Row i holds positions in ``ids.query_ids[i]``. What an episode is does not depend on it.
        """
        start, n_query = int(ids.index[0]), ids.query_ids.shape[1]
        return orders(self._order_key, start, len(ids), n_query, self.most_queries)


def in_blocks(
    draw: Callable[[int, int], EpisodeIds], start: int, count: int, size: int = BLOCK
) -> EpisodeIds:
    """Episodes start, ..., start + count - 1, of which ``draw`` makes at most ``size`` at once."""
    stop = start + count
    blocks = [draw(first, min(size, stop - first)) for first in range(start, stop, size)]
    return blocks[0] if len(blocks) == 1 else concatenate(blocks)


def check_fits(pool: Pool, task: Task) -> None:
    """Raise ConfigError unless the pool has n_way classes with shot + query images each."""
    if task.n_way > pool.n_classes:
        raise ConfigError(
            f"{task.n_way}-way episodes need {task.n_way} classes,"
            f" but {pool.name} has {pool.n_classes}; lower n_way"
        )
    small = np.flatnonzero(pool.class_sizes < task.per_class)
    if len(small):
        name, size = pool.class_names[small[0]], pool.class_sizes[small[0]]
        raise ConfigError(
            f"{len(small)} classes of {pool.name} have fewer than shot + query ="
            f" {task.per_class} images (for instance {name!r}: {size}); lower n_shot or n_query"
        )


def check_whole(name: str, value: object, least: int, most: int) -> int:
    """A sampler's parameter that must be a whole number in a range; else raise ConfigError."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigError(
            f"sampler_options.{name} is a whole number from {least} to {most}, not {value!r}"
        )
    return value


def has_one_shape(name: str) -> bool:
    """Whether all episodes of a registered sampler have the same shape, whatever the data."""
    return bool(getattr(SAMPLERS.load(OLD_NAMES.get(name, name)), "one_shape", True))


def make_sampler(
    name: str, pool: Pool, task: Task, seed: int = 0, options: Mapping[str, Any] | None = None
) -> Sampler:
    """Make a registered sampler.

    Args:
        name: registered name, or one that earlier versions used.
        pool: where the images come from.
        task: shape of an episode; samplers that vary it say which part they use.
        seed: number of the episode list, 0 or more.
        options: the sampler's own parameters.

    Raises:
        ConfigError: unknown name or parameter, a wrong value, or a pool that is too small.
    """
    factory, options = SAMPLERS.load(OLD_NAMES.get(name, name)), options or {}
    known = list(inspect.signature(factory).parameters)[3:]
    if unknown := sorted(set(options) - set(known)):
        raise ConfigError(
            f"sampler {name} has no parameter {unknown[0]!r}; it has: {', '.join(known) or 'none'}"
        )
    sampler: Sampler = factory(pool, task, seed, **options)
    return sampler
