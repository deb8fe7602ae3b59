"""Columns whose training no configuration describes: feature files, and models of other methods."""

import dataclasses
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fewshot_bench.data.episodes import Task
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.data.samplers.base import make_sampler
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation import document
from fewshot_bench.evaluation.classes import class_hashes
from fewshot_bench.evaluation.describe import describe_dataset
from fewshot_bench.evaluation.features import FeatureBank
from fewshot_bench.evaluation.result import Result
from fewshot_bench.evaluation.run import Subject, measure, method_facts
from fewshot_bench.files import sha256
from fewshot_bench.grids.column import Column, Expected
from fewshot_bench.grids.request import Request
from fewshot_bench.interface.data import Data, load
from fewshot_bench.interface.measure import base_mean
from fewshot_bench.interface.models import BLOCK, FixedEmbedding
from fewshot_bench.methods.base import EmbeddingMethod, Setup
from fewshot_bench.methods.build import build_method
from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.methods.parts import BASE_MEAN
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.nn.hashing import tensors_sha256
from fewshot_bench.nn.params import Params, subset
from fewshot_bench.training.checkpoint import Checkpoint, check_params
from fewshot_bench.training.fit import Observer
from fewshot_bench.training.identity import check_unseen
from fewshot_bench.training.run import choose_device


class Candidate(NamedTuple):
    """A method on the weights of a column, and its parameters."""

    method: EmbeddingMethod
    params: Params


class GivenColumn(Column):
    """Weights or features as they are.

    Attributes:
        data: the benchmark.
        backbone: how results call the network.
        identity: SHA-256 of what makes the features.
    """

    data: Data
    backbone: str
    identity: str

    @abstractmethod
    def candidate(self, method: str) -> Candidate:
        """A registered method on this embedding."""

    @abstractmethod
    def checkpoint(self) -> document.Checkpoint:
        """What is known of the weights."""

    def prepare(self, observer: Observer) -> None:
        """Nothing is trained."""

    def expected(self, method: str, n_shot: int) -> Expected:
        """The method, its episodes, the data and the weights decide it."""
        facts = self._facts(method, n_shot, self.candidate(method).method)
        return Expected(facts, self.data.manifest.fingerprint, self.identity)

    def measure(self, method: str, n_shot: int) -> Result:
        """One cell, by features that other cells may have computed."""
        made, params = self.candidate(method)
        pool, settings = self.data.test.pool, self.request.evaluate
        device = choose_device(self.request.device)
        sampler = make_sampler(settings.sampler, pool, self.request.task(n_shot), settings.seed)
        loader = EpisodeLoader(sampler, device=device)
        params = {name: value.to(device) for name, value in params.items()}
        bank = self._banks.setdefault((), FeatureBank(made, params, loader))
        subject = Subject(
            method=self._facts(method, n_shot, made),
            checkpoint=self.checkpoint(),
            dataset=describe_dataset(self.data.manifest, pool),
        )
        return measure(made, params, loader, subject, settings, bank=bank)

    def _facts(self, method: str, n_shot: int, made: EmbeddingMethod) -> document.Method:
        task, settings = self.request.task(n_shot), self.request.evaluate
        config: dict[str, Any] = {
            "backbone": self.backbone,
            "options": {},
            "task": dataclasses.asdict(task),
            "evaluate": settings.model_dump(),
        }
        traits = made.traits
        return method_facts(method, traits.setting, config, told_counts=traits.told_counts)


class FeatureFile(GivenColumn):
    """Features of a file, see :mod:`fewshot_bench.interface.features`.

    Args:
        name: of the embedding.
        request: what is measured on it.
        path: of a form that ``features:`` reads.
    """

    backbone = "features"

    def __init__(self, name: str, request: Request, path: Path) -> None:
        super().__init__(name, 0, request)
        if request.benchmark is not None:
            raise ConfigError(f"{path} are features of their own images; leave out --benchmark")
        self.data = load(f"features:{path}")
        self.identity = sha256(self.data.test.pool.fingerprint.encode())
        self._mean: Tensor | None = None

    def candidate(self, method: str) -> Candidate:
        """The parts of the method on features."""
        shape = ImageShape(1, 16)  # of a backbone that is not used
        learner = build_method(method, Setup("conv4-32", shape, self.request.task(1).n_way), {})
        if not isinstance(learner, EmbeddingLearner):
            raise ConfigError(f"{method} is not made of parts on features")
        parts = (learner.classifier, learner.transform, learner.refiner)
        made = FixedEmbedding(None, *parts)
        if learner.transform and BASE_MEAN in learner.transform.init(1, torch.Generator()):
            if self._mean is None:
                self._mean = base_mean(made, self.data.test, "cpu")
            made = FixedEmbedding(None, *parts, self._mean)
        return Candidate(made, {})

    def checkpoint(self) -> document.Checkpoint:
        """Nothing but a name is known."""
        return document.Checkpoint(sha256=self.identity, n_params=0, weights=self.name)


class OtherModel(GivenColumn):
    """The backbone of a model that was trained by episodes.

    Args:
        name: of the embedding.
        request: what is measured on it.
        file: model file.
        model: what it holds.
    """

    def __init__(self, name: str, request: Request, file: Path, model: Checkpoint) -> None:
        config = model.info["config"]
        super().__init__(name, config["train"]["seed"], request)
        spec = request.benchmark or config["benchmark"]
        self.data = load(spec, image_size=model.info["image"]["size"])
        self.backbone, self._weights = config["backbone"], subset(model.params, "backbone")
        self.identity = tensors_sha256(self._weights)
        self._file, self._info = file, model.info
        self._mean: Params = {}
        check_unseen(model.info, self.data.manifest, "test", str(file))

    def candidate(self, method: str) -> Candidate:
        """The method on the backbone of the file."""
        setup = Setup(self.backbone, self.data.image, self.request.task(1).n_way)
        made = build_method(method, setup, {})
        if not isinstance(made, EmbeddingLearner):
            raise ConfigError(f"{method} is not made of parts on features")
        start = made.init(torch.Generator().manual_seed(0))
        check_params(self._weights, subset(start, "backbone"), str(self._file))
        params = start | self._weights
        if BASE_MEAN not in params:
            return Candidate(made, params)
        self._mean = self._mean or dict(made.finish(params, _training_images(self.data)))
        return Candidate(made, params | self._mean)

    def checkpoint(self) -> document.Checkpoint:
        """Whose weights they are, and which classes they have seen."""
        info = self._info
        return document.Checkpoint(
            sha256=self.identity,
            n_params=sum(value.numel() for value in self._weights.values()),
            weights=f"{info['config']['method']}: {self.name}",
            training_seed=self.seed,
            training_benchmark=info["benchmark"],
            training_fingerprint=info["fingerprint"],
            training_class_hashes=class_hashes(info["train_classes"]),
        )


def _training_images(data: Data) -> Iterator[Tensor]:
    """All images of the training classes once, in blocks."""
    loader, rows = data.train.loader(Task(2, 1, 1), 0), torch.arange(len(data.train))
    return (loader.gather(block[None])[0] for block in torch.split(rows, BLOCK))
