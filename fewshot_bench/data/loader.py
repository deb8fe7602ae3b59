"""Episodes as tensors: one gather per batch, normalised where it will be computed with."""

import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.data.episodes import EpisodeIds, Sampler
from fewshot_bench.data.threads import ordered_map
from fewshot_bench.data.transforms import Normalise

GPU_SHARE = 0.3  # of the free GPU memory that the images themselves may take
CACHE_BYTES = 1 << 20  # normalise in pieces that stay in a core's cache
BATCH_BYTES = 8 << 20  # larger blocks go back to the system after use and fault in again


@dataclass(frozen=True, eq=False)
class Episode:
    """One few-shot task.

    Attributes:
        support: float32 (S, C, H, W), normalised.
        support_labels: int64 (S,) in 0 .. n_way - 1; any order is allowed.
        query: float32 (Q, C, H, W).
        query_labels: int64 (Q,), or None where a method must not see them.
        n_way: number of classes.
        number: t in the episode list, for messages.
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
        support: float32 (B, S, C, H, W), class by class.
        support_labels: int64 (S,), the same for every episode.
        query: float32 (B, Q, C, H, W), class by class.
        query_labels: int64 (Q,).
        n_way: number of classes.
    """

    ids: EpisodeIds
    support: Tensor
    support_labels: Tensor
    query: Tensor
    query_labels: Tensor
    n_way: int

    def __len__(self) -> int:
        return len(self.ids)

    def episode(self, i: int, *, hide_query_labels: bool = False) -> Episode:
        """The i-th episode of the batch, a view."""
        return Episode(
            support=self.support[i],
            support_labels=self.support_labels,
            query=self.query[i],
            query_labels=None if hide_query_labels else self.query_labels,
            n_way=self.n_way,
            number=int(self.ids.index[i]),
            draw=zlib.crc32(self.ids.support_ids[i].tobytes()),
        )

    def __iter__(self) -> Iterator[Episode]:
        return (self.episode(i) for i in range(len(self)))


class EpisodeLoader:
    """Batches of consecutive episodes.

    The result depends on the sampler alone: ``batch_size``, ``workers`` and ``device`` change when
    and where episodes are made, never which.

    Args:
        sampler: which images.
        batch_size: episodes per batch; None chooses by the size of an episode.
        workers: threads that work ahead. 0 loads in the caller's thread, which is fastest while
            the images are in memory: a gather uses all cores already. More help with slow disks.
        device: where batches are delivered. If the images fit there, they are kept there.
    """

    def __init__(
        self,
        sampler: Sampler,
        *,
        batch_size: int | None = None,
        workers: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.sampler, self.workers, self.device = sampler, workers, torch.device(device)
        split, task = sampler.split, sampler.task
        episode_bytes = 4 * task.n_way * task.per_class * split.images[0].size
        self.batch_size = batch_size or max(1, min(64, BATCH_BYTES // episode_bytes))
        self._images = _place(torch.from_numpy(split.images), self.device)
        self._normalise = Normalise(split.mean, split.std, self.device)
        label = torch.arange(task.n_way, device=self.device)
        self._support_labels = label.repeat_interleave(task.n_shot)
        self._query_labels = label.repeat_interleave(task.n_query)

    def batches(self, start: int, stop: int, size: int | None = None) -> Iterator[EpisodeBatch]:
        """Episodes start, ..., stop - 1 in order, ``size`` at a time; the last may be smaller."""
        size = size or self.batch_size
        blocks = ((first, min(size, stop - first)) for first in range(start, stop, size))
        if self.workers == 0:
            yield from (self.load(*block) for block in blocks)
            return
        with ThreadPoolExecutor(self.workers, thread_name_prefix="loader") as pool:
            yield from ordered_map(lambda b: self.load(*b), blocks, pool, ahead=2 * self.workers)

    def load(self, start: int, count: int) -> EpisodeBatch:
        """One batch: episodes start, ..., start + count - 1."""
        ids = self.sampler(start, count)
        n_support = len(self._support_labels)
        support = torch.from_numpy(ids.support_ids).view(count, -1)
        query = torch.from_numpy(ids.query_ids).view(count, -1)
        images = self.gather(torch.cat([support, query], dim=1))
        return EpisodeBatch(
            ids=ids,
            support=images[:, :n_support],
            support_labels=self._support_labels,
            query=images[:, n_support:],
            query_labels=self._query_labels,
            n_way=self.sampler.task.n_way,
        )

    def gather(self, ids: Tensor) -> Tensor:
        """Normalised images float32 (B, M, C, H, W) of image ids int (B, M)."""
        ids = ids.to(self._images.device)
        if self.device.type != "cpu":
            pixels = self._images.index_select(0, ids.flatten()).to(self.device)
            return self._normalise(pixels.view(*ids.shape, *pixels.shape[1:]))
        out = torch.empty((*ids.shape, *self._images.shape[1:]), dtype=torch.float32)
        flat = out.view(-1, *self._images.shape[1:])
        rows = max(1, CACHE_BYTES // (4 * flat[0].numel()))
        ids = ids.flatten()
        for k in range(0, len(ids), rows):
            pixels = self._images.index_select(0, ids[k : k + rows])
            self._normalise(pixels, out=flat[k : k + rows])
        return out


def _place(images: Tensor, device: torch.device) -> Tensor:
    """The images on the device if they fit there comfortably, else where they are."""
    if device.type != "cuda":
        return images
    free, _ = torch.cuda.mem_get_info(device)
    return images.to(device) if images.numel() < GPU_SHARE * free else images
