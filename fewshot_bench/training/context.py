"""A configuration together with data and device: what stages and evaluation work with."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fewshot_bench.config import RunConfig
from fewshot_bench.data.benchmark import SplitName
from fewshot_bench.data.episodes import Task
from fewshot_bench.data.features.store import FeatureStore
from fewshot_bench.data.features.table import Embedding
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.data.opened import Store
from fewshot_bench.data.pool import FeaturePool
from fewshot_bench.data.samplers.base import has_one_shape, make_sampler
from fewshot_bench.data.transforms import Normalise
from fewshot_bench.files import cache_folder, safe_name
from fewshot_bench.methods.base import FewShotMethod, Setup
from fewshot_bench.methods.build import build_method
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.registry import BACKBONES, METHODS
from fewshot_bench.training.given import backbone_of, embedding_of

if TYPE_CHECKING:
    from fewshot_bench.training.meta_stage import MetaTrainStage

BLOCK = 256  # images that are normalised together


@dataclass(frozen=True)
class Run:
    """A configuration together with the data and the device it uses.

    Attributes:
        config: resolved, all options of the method included.
        store: the opened benchmark whose classes are trained on.
        device: where tensors live.
        workers: loader threads.
        strategy: how the tasks of a meta-batch are computed.
        compiled: whether to compile a map over tasks.
        other: the opened benchmark whose classes are tested; None if it is the same one.
        bank: ``auto`` or ``off``, see :mod:`fewshot_bench.training.bank`.
    """

    config: RunConfig
    store: Store
    device: torch.device
    workers: int = 0
    strategy: str = "auto"
    compiled: bool = False
    other: Store | None = None
    bank: str = "auto"

    @property
    def tested(self) -> Store:
        """The benchmark whose classes are tested."""
        return self.store if self.other is None else self.other

    @property
    def setup(self) -> Setup:
        """Backbone, image shape and number of classes."""
        return Setup(backbone_of(self.config), self.image, self.config.task.n_way)

    @functools.cached_property
    def embedding(self) -> Embedding | None:
        """What was learned elsewhere: a backbone's weights, or features; None for nothing."""
        return embedding_of(self.config, self.store)

    @property
    def given(self) -> list[Any]:
        """What identifies weights from elsewhere, or features; [] where there are none."""
        if self.embedding is not None:
            return [self.embedding.sha256]
        size = self.config.input_size
        return [] if size is None else [size]

    @functools.cached_property
    def method(self) -> FewShotMethod:
        """The method, built for this setup."""
        return build_method(self.config.method, self.setup, self.config.options)

    @property
    def image(self) -> ImageShape:
        """Shape of the benchmark's images; D features are D channels of one pixel."""
        if isinstance(self.store, FeatureStore):
            return ImageShape(self.store.length, 1)
        return ImageShape(self.store.manifest.channels, self.store.manifest.image_size)

    @property
    def code(self) -> list[str]:
        """SHA-256 of the sources of method and backbone, as far as they are not of this package."""
        entries = METHODS.entry(self.config.method), BACKBONES.entry(self.config.backbone)
        return [digest for entry in entries if (digest := entry.code_sha256())]

    @functools.cached_property
    def stage(self) -> "MetaTrainStage":
        """The last stage of its training, whose identity stays as it is when first asked for."""
        from fewshot_bench.training.meta_stage import MetaTrainStage  # made of a run itself

        return MetaTrainStage(self)

    @property
    def folder(self) -> Path:
        """Where this training lives in the cache."""
        return self.stage.folder

    @property
    def test_task(self) -> Task:
        """Shape of test and validation episodes."""
        return Task(**self.config.task.model_dump())

    @property
    def train_task(self) -> Task:
        """Shape of training episodes."""
        names = ("n_way", "n_shot", "n_query")
        return Task(*(getattr(self.config.train, n) or getattr(self.config.task, n) for n in names))

    def loader(
        self,
        split: SplitName,
        task: Task,
        seed: int,
        sampler: str = "uniform",
        options: Mapping[str, int] | None = None,
    ) -> EpisodeLoader:
        """Episodes of one split of what is trained on, delivered on the device."""
        drawn = make_sampler(sampler, self.store.split(split), task, seed, options)
        return EpisodeLoader(drawn, workers=self.workers, device=self.device)

    def test_loader(self) -> EpisodeLoader:
        """Episodes of the classes that are tested, as the configuration says."""
        wanted = self.config.evaluate
        pool, given = self.tested.split(wanted.split), wanted.sampler_options
        drawn = make_sampler(wanted.sampler, pool, self.test_task, wanted.seed, given)
        return EpisodeLoader(drawn, workers=self.workers, device=self.device)

    def training_loader(self) -> EpisodeLoader:
        """Episodes of the training classes."""
        train = self.config.train
        return self.loader(
            "train", self.train_task, train.seed, train.sampler, train.sampler_options
        )

    def validation_loader(self) -> EpisodeLoader | None:
        """Episodes of the test shape of the validation classes; None if there are no classes."""
        known = self.store.manifest.classes.get("val")
        return self.loader("val", self.test_task, 0) if known else None

    @property
    def one_shape(self) -> bool:
        """Whether all training episodes have the same shape."""
        return has_one_shape(self.config.train.sampler)

    def training_images(self) -> Iterator[Tensor]:
        """All images of the training classes once, float32 (B, C, H, W), normalised.

        Of features, all features (B, D).
        """
        split = self.store.split("train")
        split.check()
        if isinstance(split, FeaturePool):
            for part in torch.split(torch.from_numpy(split.features), BLOCK):
                yield part.float().to(self.device)
            return
        normalise = Normalise(split.mean, split.std, self.device)
        images = torch.from_numpy(split.images)
        for start in range(0, len(images), BLOCK):
            yield normalise(images[start : start + BLOCK].to(self.device))

    def cache(self, kind: str) -> Path:
        """Folder for what is trained on this benchmark.

        A path that the user gave does not show in it, so another spelling finds the same things.
        """
        return cache_folder() / kind / safe_name(self.config.training_benchmark.partition(":")[0])
