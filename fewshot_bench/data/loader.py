"""Episodes as tensors: one gather per batch, normalised where it will be computed with."""

import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fewshot_bench.data.episodes import EpisodeIds
from fewshot_bench.data.pool import FeaturePool, ImagePool
from fewshot_bench.data.samplers.base import Sampler
from fewshot_bench.data.threads import ordered_map
from fewshot_bench.data.transforms import Normalise

GPU_SHARE = 0.3  # of the free GPU memory that the images themselves may take
CACHE_BYTES = 1 << 20  # normalise in pieces that stay in a core's cache
ALL = slice(None)
BATCH_BYTES = 8 << 20  # larger blocks go back to the system after use and fault in again


@dataclass(frozen=True, eq=False)
class Episode:
    """One few-shot task.

    Nothing follows from the position of an image: queries come in a random order.

    Attributes:
        support: float32 (S, C, H, W), normalised; (S, D) where the data are features.
        support_labels: int64 (S,) in 0 .. n_way - 1; any order is allowed, and any number of
            images per class.
        query: float32 (Q, C, H, W), or (Q, D).
        query_labels: int64 (Q,), or None where a method must not see them.
        n_way: number of classes.
        number: t in the episode list, for messages; 0 where query labels are hidden, because they
            follow from it.
        draw: seed of the episode's own random numbers. It follows from the support images alone:
            the prediction for a query may not depend on which other queries there are.
    """

    support: Tensor
    support_labels: Tensor
    query: Tensor
    query_labels: Tensor | None
    n_way: int
    number: int = 0
    draw: int = 0

    def generator(self) -> torch.Generator:
        """A source of the episode's own random numbers, on the CPU."""
        return torch.Generator().manual_seed(self.draw)

    @property
    def targets(self) -> Tensor:
        """Query labels for the outer loss; raises ValueError where they are hidden."""
        if self.query_labels is None:
            raise ValueError("the query labels of this episode are hidden")
        return self.query_labels


@dataclass(frozen=True, eq=False)
class EpisodeBatch:
    """B episodes of one shape.

    Attributes:
        ids: which images they are.
        support: float32 (B, S, C, H, W), or (B, S, D) where the data are features.
        support_labels: int64 (B, S).
        query: float32 (B, Q, C, H, W), or (B, Q, D), in an order drawn for each episode.
        query_labels: int64 (B, Q), in the same order.
        query_order: int64 (B, Q): query j of episode i is ``ids.query_ids[i, query_order[i, j]]``.
        n_way: number of classes.
    """

    ids: EpisodeIds
    support: Tensor
    support_labels: Tensor
    query: Tensor
    query_labels: Tensor
    query_order: NDArray[np.int64]
    n_way: int

    def __len__(self) -> int:
        return len(self.ids)

    def episode(self, i: int, *, hide_query_labels: bool = False) -> Episode:
        """The i-th episode of the batch, a view; its number is hidden with the labels."""
        return Episode(
            support=self.support[i],
            support_labels=self.support_labels[i],
            query=self.query[i],
            query_labels=None if hide_query_labels else self.query_labels[i],
            n_way=self.n_way,
            number=0 if hide_query_labels else int(self.ids.index[i]),
            draw=zlib.crc32(self.ids.support_ids[i].tobytes()),
        )

    def __iter__(self) -> Iterator[Episode]:
        return (self.episode(i) for i in range(len(self)))


class EpisodeLoader:
    """Batches of consecutive episodes.

    The result depends on the sampler alone: ``batch_size``, ``workers`` and ``device`` change when
    and where episodes are made, never which.

    Args:
        sampler: which images; its pool holds images or features, unless ``pool`` is given.
        batch_size: episodes per batch; None chooses by the size of an episode. Episodes of varied
            shapes come one by one whatever is asked.
        workers: threads that work ahead. 0 loads in the caller's thread, which is fastest while
            the images are in memory: a gather uses all cores already. More help with slow disks.
        device: where batches are delivered. If the images fit there, they are kept there.
        pool: delivered in place of the sampler's own: what was made of each of its images.

    Attributes:
        pool: the images or features.
        item_shape: (C, H, W) of an image or activation, or (D,) of a feature.

    Raises:
        TypeError: the sampler's pool has class sizes only.
    """

    def __init__(
        self,
        sampler: Sampler,
        *,
        batch_size: int | None = None,
        workers: int = 0,
        device: torch.device | str = "cpu",
        pool: FeaturePool | None = None,
    ) -> None:
        items = pool or sampler.pool
        if not isinstance(items, ImagePool | FeaturePool):
            raise TypeError("this pool holds neither images nor features")
        self.sampler, self.workers, self.device = sampler, workers, torch.device(device)
        self.pool = items
        if self.device.type != "cpu":
            self.pool.check()  # all are copied to the device
        values, self._prepare = _values_of(self.pool, self.device)
        self._values = _place(values, self.device)
        self.item_shape = tuple(values.shape[1:])
        episode_bytes = 4 * sampler.most_images * values[0].numel()
        chosen = batch_size or max(1, min(64, BATCH_BYTES // episode_bytes))
        self.batch_size = chosen if sampler.one_shape else 1

    def of(self, pool: FeaturePool) -> "EpisodeLoader":
        """The same episodes, of what was made of each image."""
        return EpisodeLoader(self.sampler, workers=self.workers, device=self.device, pool=pool)

    def batches(
        self,
        start: int,
        stop: int,
        size: int | None = None,
        *,
        every: slice = ALL,
        rows: slice = ALL,
    ) -> Iterator[EpisodeBatch]:
        """Episodes start, ..., stop - 1 in order, ``size`` at a time; the last may be smaller.

        Args:
            start: first episode.
            stop: one behind the last.
            size: episodes of a batch.
            every: which of the batches are made.
            rows: which episodes of each batch are made.
        """
        size = size or self.batch_size
        firsts = range(start, stop, size)[every]
        blocks = ((first, min(size, stop - first), rows) for first in firsts)
        if self.workers == 0:
            yield from (self.load(*block) for block in blocks)
            return
        with ThreadPoolExecutor(self.workers, thread_name_prefix="loader") as pool:
            yield from ordered_map(lambda b: self.load(*b), blocks, pool, ahead=2 * self.workers)

    def load(self, start: int, count: int, rows: slice = ALL) -> EpisodeBatch:
        """One batch: of the episodes start, ..., start + count - 1 those of these rows."""
        whole = self.sampler(start, count)
        ids, order = whole[rows], self.sampler.query_order(whole)[rows]
        places = order + order.shape[1] * np.arange(len(ids))[:, None]  # in the flat arrays
        query, query_labels = ids.query_ids.take(places), ids.query_labels.take(places)
        images = self.gather(torch.from_numpy(np.concatenate([ids.support_ids, query], axis=1)))
        n_support = ids.support_ids.shape[1]
        return EpisodeBatch(
            ids=ids,
            support=images[:, :n_support],
            support_labels=torch.tensor(ids.support_labels, device=self.device),
            query=images[:, n_support:],
            query_labels=torch.from_numpy(query_labels).to(self.device),
            query_order=order,
            n_way=ids.n_way,
        )

    def gather(self, ids: Tensor) -> Tensor:
        """Normalised images float32 (B, M, C, H, W), or features (B, M, D), of ids int (B, M)."""
        ids, shape = ids.to(self._values.device), self.item_shape
        if self.device.type != "cpu":
            values = self._values.index_select(0, ids.flatten()).to(self.device)
            return self._prepare(values.view(*ids.shape, *shape))
        self.pool.check(ids.numpy())
        out = torch.empty((*ids.shape, *shape), dtype=torch.float32)
        flat = out.view(-1, *shape)
        rows = max(1, CACHE_BYTES // (4 * flat[0].numel()))
        ids = ids.flatten()
        for k in range(0, len(ids), rows):
            values = self._values.index_select(0, ids[k : k + rows])
            self._prepare(values, out=flat[k : k + rows])
        return out


class _Prepare(Protocol):
    """Stored values to float32, as methods get them."""

    def __call__(self, values: Tensor, /, out: Tensor | None = None) -> Tensor: ...


def _values_of(pool: ImagePool | FeaturePool, device: torch.device) -> tuple[Tensor, _Prepare]:
    """The values of a pool as they are stored, and what makes float32 of them."""
    if isinstance(pool, ImagePool):
        return torch.from_numpy(pool.images), Normalise(pool.mean, pool.std, device)
    return torch.from_numpy(pool.features), _as_float


def _as_float(values: Tensor, out: Tensor | None = None) -> Tensor:
    return values.float() if out is None else out.copy_(values)


def _place(values: Tensor, device: torch.device) -> Tensor:
    """The values on the device if they fit there comfortably, else where they are."""
    if device.type != "cuda":
        return values
    free, _ = torch.cuda.mem_get_info(device)
    return values.to(device) if values.nbytes < GPU_SHARE * free else values
