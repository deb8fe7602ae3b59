"""Pre-training: the backbone as an ordinary classifier of the training classes.

Stochastic gradient descent on mini-batches of augmented images; the parameters kept are those with
the best accuracy of nearest class means (prototypes) on episodes of the validation classes, which
the classifier never saw. Methods take the backbone; the classifier's own head is kept beside it for
a later generation that learns from it.

Batch normalisation keeps running averages here, whatever the method that starts from it does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import SeedSequence
from torch import Tensor

from fewshot_bench.config import ClassifyConfig
from fewshot_bench.config.stages import CLASSIFY
from fewshot_bench.data.episodes import Task
from fewshot_bench.data.image_loader import ImageBatch, ImageLoader
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.data.pool import ImagePool
from fewshot_bench.errors import CheckpointError, ConfigError, TrainingError
from fewshot_bench.evaluation.predict import accuracy
from fewshot_bench.inner.losses.criterion import supervised_loss
from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.methods.protonet import protonet
from fewshot_bench.nn.across import differentiable_sum
from fewshot_bench.nn.heads import HEAD
from fewshot_bench.nn.norm import NormMode, blend
from fewshot_bench.nn.params import Params, merge
from fewshot_bench.registry import BACKBONES, STAGES
from fewshot_bench.training.checkpoint import Checkpoint
from fewshot_bench.training.context import Run
from fewshot_bench.training.fit import Observer, Plan, fit, learned_by
from fewshot_bench.training.identity import (
    CODE_VERSION,
    data_identity,
    parts_identity,
    setting_types,
)
from fewshot_bench.training.objectives.base import Criterion, Objective, make_objective
from fewshot_bench.training.objectives.distillation import Teacher
from fewshot_bench.training.objectives.rotation import Rotation
from fewshot_bench.training.schedule import cosine
from fewshot_bench.training.stages import Stage
from fewshot_bench.training.state import State
from fewshot_bench.world import World, add_gradients, current


@dataclass(frozen=True)
class Classification:
    """A step of the classifier.

    Attributes:
        network: holds the backbone; its prototypes judge it.
        train: mini-batches of the training classes.
        val: episodes of the validation classes; None keeps the last step.
        config: numbers of steps and images.
        objective: what the features are to tell.
        criterion: (B, C) logits and int64 (B,) labels to a scalar.
        teacher: an earlier network that is listened to; None learns from the labels alone.
        world: the processes that share the images of a step.
    """

    network: EmbeddingLearner
    train: ImageLoader
    val: EpisodeLoader | None
    config: ClassifyConfig
    objective: Objective
    criterion: Criterion
    teacher: Teacher | None = None
    world: World = field(default_factory=current)

    def batches(self, start: int) -> Iterator[ImageBatch]:
        """Mini-batches, of which each process takes its share; the step says what is in them.

        Raises:
            ConfigError: there are fewer images than processes.
        """
        self.world.check_enough(self.train.batch, "stages.classify.batch")
        return self.train.batches(start, self.config.steps, rows=self.world.share)

    def accumulate(self, params: Params, batch: ImageBatch, step: int) -> float:
        """Gradient of the classification loss of all processes' images."""
        world = self.world
        across = differentiable_sum if world.size > 1 else None
        mode = NormMode(training=True, across=across)
        images = self.objective.views(batch.images)
        with in_precision(self.config, images.device):
            features = self.network.embedding(params, images, mode)
        features = features.type_as(images)
        loss = self.objective.loss(params, features, batch.labels, self.criterion)
        if self.teacher is not None:
            loss = self.teacher.mixed(loss, images, self.objective.logits(params, features))
        if not torch.isfinite(loss):
            raise TrainingError(
                f"pre-training diverged in step {step + 1}: the loss is {loss.item()};"
                " the last good checkpoint is kept; lower stages.classify.lr"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        weight = len(batch) / self.train.batch
        add_gradients(world, params.values(), weight)
        blend(params, mode.seen)
        return sum(world.gathered(weight * float(loss.item())))

    def suspect(self, params: Params, batch: ImageBatch, step: int) -> str:  # noqa: ARG002
        """All images of a batch make one loss."""
        return ""

    def validate(self, params: Params) -> float | None:
        """Accuracy of prototypes on unseen classes."""
        if self.val is None:
            return None
        return float(accuracy(self.network, params, self.val, self.config.val_episodes).mean())


def in_precision(settings: ClassifyConfig, device: torch.device) -> torch.autocast:
    """In which convolutions have as many bits as the settings say."""
    half = settings.precision == "bf16"
    return torch.autocast(device.type, torch.bfloat16, enabled=half)


def classify(work: Classification, seed: int, folder: Path, observer: Observer) -> State:
    """Train the classifier, or go on training it.

    Args:
        work: network, images and configuration.
        seed: of the initial weights.
        folder: see :func:`fewshot_bench.training.fit.fit`.
        observer: told of the progress.

    Returns:
        State whose parameters are those of backbone and objective.
    """
    generator = torch.Generator().manual_seed(seed)
    backbone, config = work.network.embedding, work.config
    head = work.objective.init(backbone.feature_dim, work.train.n_classes, generator)
    start = merge([backbone.init(generator), head])
    plan = Plan(
        config.steps,
        config.val_every,
        lambda step: cosine(step, config.steps, config.lr, 0.0),
        lambda learned: torch.optim.SGD(
            list(learned.values()),
            lr=config.lr,
            momentum=config.momentum,
            nesterov=config.momentum > 0,
            weight_decay=config.weight_decay,
        ),
    )
    params = learned_by(start, work.train.device, lambda name: False)  # noqa: ARG005
    return fit(params, plan, work, folder, observer)


class ClassifyStage(Stage):
    """The backbone as a classifier of the training classes, for every method that starts from it.

    Args:
        name: of the stage.
        settings: how long and how fast.
        run: backbone, data and seed.
    """

    gives = "backbone."

    def __init__(self, name: str, settings: ClassifyConfig, run: Run) -> None:
        super().__init__(name, run)
        self.settings, self.seed = settings, run.config.train.seed
        objective = make_objective(settings.objective, settings.objective_options)
        weight = settings.rotation
        self.objective = Rotation(objective, weight) if weight else objective

    @property
    def needs(self) -> tuple[Stage, ...]:
        """The generation before, where it is learned from."""
        teacher = self.settings.teacher
        return () if teacher is None else (ClassifyStage(self.name, teacher, self.run),)

    @property
    def key(self) -> list[Any]:
        """Settings, loss, backbone, seed, data and code; neither the method nor the test task."""
        settings, backbone = self.settings.decisive(), self.run.config.backbone
        types = setting_types(self.settings)
        code = [BACKBONES.entry(backbone).code(), STAGES.entry(CLASSIFY).code(), CODE_VERSION]
        data = data_identity(self.run.store.manifest)
        own = [settings, parts_identity(settings, types), backbone, self.seed, data, code]
        return own + self.run.given

    @property
    def label(self) -> str:
        """Readable part of the folder's name."""
        return f"{self.name}-{self.run.config.backbone}"

    def train(self, given: Mapping[str, Checkpoint], observer: Observer) -> Checkpoint:
        """See :meth:`fewshot_bench.training.stages.Stage.train`."""
        run, settings = self.run, self.settings
        pool = run.store.split("train")
        if not isinstance(pool, ImagePool):
            raise ConfigError("features are classified as they are; leave stages.classify out")
        train = ImageLoader(
            pool,
            settings.batch,
            self.seed,
            augment=settings.augment,
            device=run.device,
        )
        network, loss = protonet(run.setup), supervised_loss(settings.loss)
        teacher = self._teacher(given[self.name].params) if self.needs else None
        # What is asked of an image by its place in the batch can't be asked of a share.
        world = World() if settings.rotation else current()
        work = Classification(
            network, train, self._validation(), settings, self.objective, loss, teacher, world
        )
        later = f", generation {settings.generation}" if settings.generation else ""
        observer.begin(f"pre-training{later}", settings.steps, settings.batch)
        state = classify(work, self._weights_seed, self.folder, observer)
        return Checkpoint(state.kept, {"selection": state.selection})

    @property
    def _weights_seed(self) -> int:
        """Of the initial weights: each generation is born with weights of its own."""
        generation = self.settings.generation
        if not generation:
            return self.seed
        return int(SeedSequence([self.seed, generation]).generate_state(1, np.uint64)[0] >> 1)

    def _teacher(self, params: Params) -> Teacher:
        """The generation before, as this one hears it.

        Raises:
            CheckpointError: it was trained by a version that did not keep the head.
        """
        embedding, objective = protonet(self.run.setup).embedding, self.objective
        if not any(name.startswith(f"{HEAD}.") for name in params):
            raise CheckpointError(
                f"the network in {self.needs[0].folder} can't teach: it was trained by a version"
                " that did not keep its head; remove the folder to train it anew"
            )
        placed = {name: value.to(self.run.device) for name, value in params.items()}

        def logits(images: Tensor) -> Tensor:
            with in_precision(self.settings, images.device):
                features = embedding(placed, images, NormMode(training=False))
            return objective.logits(placed, features.type_as(images))

        return Teacher(logits, self.settings.temperature, self.settings.alpha)

    def _validation(self) -> EpisodeLoader | None:
        """Episodes as the settings ask for, or as the validation classes allow."""
        sizes = list(self.run.store.manifest.classes.get("val", {}).values())
        task = fitting_task(self.settings, sizes)
        return None if task is None else self.run.loader("val", task, 0)


def fitting_task(wanted: ClassifyConfig, sizes: Sequence[int]) -> Task | None:
    """The episodes wanted, or smaller ones that classes of these sizes have the images for.

    Returns:
        None if there are not two classes of two images.
    """
    if len(sizes) < 2 or min(sizes) < 2:
        return None
    n_shot = min(wanted.n_shot, min(sizes) - 1)
    return Task(min(wanted.n_way, len(sizes)), n_shot, min(wanted.n_query, min(sizes) - n_shot))
