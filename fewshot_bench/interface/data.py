"""Benchmarks and data of one's own, as Python objects: splits, episodes, ordinary datasets."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torchvision.datasets import VisionDataset

from fewshot_bench.data.benchmark import SPLITS, SplitName
from fewshot_bench.data.episodes import Task
from fewshot_bench.data.features.store import FeatureStore, open_features
from fewshot_bench.data.library import open_benchmark
from fewshot_bench.data.loader import Episode, EpisodeLoader
from fewshot_bench.data.pool import FeaturePool, ImagePool
from fewshot_bench.data.samplers.base import make_sampler
from fewshot_bench.data.split import RandomSplit
from fewshot_bench.errors import ConfigError
from fewshot_bench.files import expanded
from fewshot_bench.nn.backbone import ImageShape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fewshot_bench.data.store import ImageStore, Manifest


class Episodes(Sequence[Episode]):
    """A list of episodes: has a length, can be gone through again and again, and indexed.

    A ``torch.utils.data.DataLoader(episodes, batch_size=None, num_workers=2)`` takes it as it is,
    and so do trainers that take any iterable. Episode t is the same whatever was asked before, and
    the same as the command line's for the same arguments.

    Args:
        loader: delivers episodes of a sampler.
        count: how many there are.
    """

    def __init__(self, loader: EpisodeLoader, count: int) -> None:
        self.loader, self._count = loader, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, t: Any) -> Any:
        if isinstance(t, slice):
            return [self[i] for i in range(*t.indices(self._count))]
        if not -self._count <= t < self._count:
            raise IndexError(f"there are {self._count} episodes, none has the number {t}")
        return self.loader.load(t % self._count, 1).episode(0)

    def __iter__(self) -> Iterator[Episode]:
        for batch in self.loader.batches(0, self._count):
            yield from batch


class ImageDataset(VisionDataset):  # type: ignore[misc]
    """The images of one split with the numbers of their classes, for ordinary training.

    Args:
        pool: the images.
        transform: of torchvision (v2) or any function; it is given a uint8 tensor (C, H, W).
        target_transform: of the class number.
    """

    def __init__(
        self,
        pool: ImagePool,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(root="", transform=transform, target_transform=target_transform)
        self.classes = list(pool.class_names)
        self.targets = pool.labels.tolist()
        self._images, self._check = pool.images, pool.check

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        self._check(np.array([index % len(self)]))
        image: Any = torch.from_numpy(self._images[index])
        target: Any = self.targets[index]
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target


@dataclass(frozen=True, eq=False)
class Part:
    """One split of a benchmark: classes that are trained on, chosen by, or tested.

    Attributes:
        data: the benchmark that it belongs to.
        pool: its classes with their images or features.
    """

    data: Data
    pool: ImagePool | FeaturePool

    @property
    def name(self) -> SplitName:
        """``train``, ``val`` or ``test``."""
        return cast("SplitName", self.pool.name)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.pool.class_names

    def __len__(self) -> int:
        return len(self.pool)

    def __repr__(self) -> str:
        return f"<{self.data.name} {self.name}: {self.pool.n_classes} classes, {len(self)} images>"

    def episodes(
        self,
        n_way: int = 5,
        n_shot: int = 1,
        n_query: int = 15,
        count: int = 1000,
        seed: int = 0,
        sampler: str = "uniform",
        sampler_options: Mapping[str, int] | None = None,
        device: str = "cpu",
    ) -> Episodes:
        """Few-shot tasks drawn from these classes.

        Args:
            n_way: classes of an episode.
            n_shot: support images of each class.
            n_query: query images of each class.
            count: number of episodes.
            seed: number of the list.
            sampler: registered name, see ``fsbench list samplers``.
            sampler_options: parameters of the sampler.
            device: where tensors are delivered.

        Raises:
            ConfigError: the split has too few classes or images.
        """
        loader = self.loader(Task(n_way, n_shot, n_query), seed, sampler, sampler_options, device)
        return Episodes(loader, count)

    def loader(
        self,
        task: Task,
        seed: int,
        sampler: str = "uniform",
        options: Mapping[str, int] | None = None,
        device: str = "cpu",
    ) -> EpisodeLoader:
        """Batches of episodes, as training and evaluation take them."""
        return EpisodeLoader(make_sampler(sampler, self.pool, task, seed, options), device=device)

    def dataset(self, transform: Callable[[Any], Any] | None = None) -> ImageDataset:
        """The images with the numbers of their classes, for ordinary training.

        Args:
            transform: of torchvision (v2) or any function; it is given a uint8 tensor (C, H, W).

        Raises:
            ConfigError: the data are features.
        """
        if not isinstance(self.pool, ImagePool):
            raise ConfigError("these data are features; they have no images")
        return ImageDataset(self.pool, transform)


@dataclass(frozen=True, eq=False)
class Data:
    """A benchmark with its splits ``train``, ``val`` and ``test``.

    Attributes:
        manifest: what is known of its images.
        pools: the splits by name.
        store: the images, prepared, or the features.
        spec: the name that it was opened by; "" for data in memory.
    """

    manifest: Manifest
    pools: Mapping[SplitName, ImagePool | FeaturePool]
    store: ImageStore | FeatureStore | None = None
    spec: str = ""

    @property
    def name(self) -> str:
        """Name of the benchmark."""
        return self.manifest.benchmark

    @property
    def image(self) -> ImageShape:
        """Shape of the images."""
        return ImageShape(self.manifest.channels, self.manifest.image_size)

    @functools.cached_property
    def train(self) -> Part:
        """Classes to learn from."""
        return self.part("train")

    @functools.cached_property
    def val(self) -> Part:
        """Classes to choose by."""
        return self.part("val")

    @functools.cached_property
    def test(self) -> Part:
        """Classes to measure on."""
        return self.part("test")

    def part(self, name: SplitName) -> Part:
        """One split; raises ConfigError if there is none of this name."""
        if name not in self.pools:
            have = ", ".join(self.pools) or "none"
            raise ConfigError(f"{self.name} has no {name!r} classes; it has: {have}")
        return Part(self, self.pools[name])

    def __repr__(self) -> str:
        parts = ", ".join(f"{n}: {p.n_classes} classes" for n, p in self.pools.items())
        return f"<{self.name} ({parts})>"


def of_store(store: ImageStore, spec: str = "") -> Data:
    """An opened store as data."""
    names = [name for name in SPLITS if store.manifest.classes.get(name)]
    return Data(store.manifest, {name: store.split(name) for name in names}, store, spec)


def of_features(store: FeatureStore, spec: str = "") -> Data:
    """Opened or computed features as data."""
    return Data(store.manifest, store.pools, store, spec)


def load(spec: str, *, split: RandomSplit | None = None, image_size: int | None = None) -> Data:
    """Open a benchmark.

    Args:
        spec: a registered name, ``folder:PATH`` for images of one's own, or ``features:FILE`` for
            features that were computed before.
        split: of a folder ``class/image`` without splits, a rule of ``fsb.random_split``.
        image_size: side of the images in pixels; None for the benchmark's own.

    Raises:
        ConfigError: there is no such benchmark, or a split is given to data that have one.
        DataError: it is not prepared, or damaged.
    """
    kind, _, rest = spec.partition(":")
    if kind == "features":
        if split is not None or image_size is not None:
            raise ConfigError("features have neither a random split nor a size of images")
        return of_features(open_features(expanded(rest)), spec)
    return of_store(open_benchmark(spec, image_size, split=split), spec)
