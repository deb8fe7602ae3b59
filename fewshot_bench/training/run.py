"""From a run configuration to trained parameters: made once, found again afterwards."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fewshot_bench import __version__
from fewshot_bench.config import RunConfig
from fewshot_bench.data.benchmark import SplitName
from fewshot_bench.data.episodes import Task
from fewshot_bench.data.library import open_benchmark
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.data.samplers.base import make_sampler
from fewshot_bench.data.store import ImageStore
from fewshot_bench.errors import CheckpointError, ConfigError
from fewshot_bench.files import cache_folder, safe_name, write_atomic
from fewshot_bench.methods.base import (
    FewShotMethod,
    Setup,
)
from fewshot_bench.methods.build import build_method, resolve_options
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.nn.params import merge
from fewshot_bench.registry import BACKBONES, METHODS
from fewshot_bench.training.checkpoint import (
    Checkpoint,
    check_params,
    load_checkpoint,
    save_checkpoint,
)
from fewshot_bench.training.fit import STATE, Observer, State, Stopwatch
from fewshot_bench.training.meta_train import MetaTraining, meta_train
from fewshot_bench.training.parts import pretrained_backbone, trained_relation
from fewshot_bench.training.strategy import choose_strategy

MODEL = "model.safetensors"


@dataclass(frozen=True)
class Run:
    """A configuration together with the data and the device it uses.

    Attributes:
        config: resolved, all options of the method included.
        store: the opened benchmark.
        device: where tensors live.
        workers: loader threads.
        strategy: how the tasks of a meta-batch are computed.
        compiled: whether to compile a map over tasks.
    """

    config: RunConfig
    store: ImageStore
    device: torch.device
    workers: int = 0
    strategy: str = "auto"
    compiled: bool = False

    @property
    def setup(self) -> Setup:
        """Backbone, image shape and number of classes."""
        return Setup(self.config.backbone, self.image, self.config.task.n_way)

    @functools.cached_property
    def method(self) -> FewShotMethod:
        """The method, built for this setup."""
        return build_method(self.config.method, self.setup, self.config.options)

    @property
    def relation_network(self) -> FewShotMethod | None:
        """What the method needs trained before it."""
        return self.method.parts().get("relation")

    @property
    def image(self) -> ImageShape:
        """Shape of the benchmark's images."""
        return ImageShape(self.store.manifest.channels, self.store.manifest.image_size)

    @property
    def code(self) -> list[str]:
        """SHA-256 of the sources of method and backbone, as far as they are not of this package."""
        entries = METHODS.entry(self.config.method), BACKBONES.entry(self.config.backbone)
        return [digest for entry in entries if (digest := entry.code_sha256())]

    @functools.cached_property
    def folder(self) -> Path:
        """Where this training lives in the cache."""
        fingerprint, relation = self.store.manifest.fingerprint, self.relation_network is not None
        training_id = self.config.training_id(fingerprint, *self.code, relation=relation)
        method, benchmark = safe_name(self.config.method), safe_name(self.config.benchmark)
        return cache_folder() / "runs" / benchmark / f"{method}-{training_id}"

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
        """Episodes of one split, delivered on the device."""
        drawn = make_sampler(sampler, self.store.split(split), task, seed, options)
        return EpisodeLoader(drawn, workers=self.workers, device=self.device)


def prepare_run(
    config: RunConfig,
    device: str = "auto",
    workers: int = 0,
    store: ImageStore | None = None,
    strategy: str = "auto",
    *,
    compiled: bool = False,
) -> Run:
    """Check names and options, open the data, choose the device.

    Args:
        config: what to run; options left out are filled in.
        device: a torch device, or ``auto`` for the GPU if there is one.
        workers: loader threads.
        store: the data, if it is open already.
        strategy: how the tasks of a meta-batch are computed.
        compiled: compile the map over tasks.

    Raises:
        ConfigError: unknown names or options, no such device, or a method on a frozen backbone
            that nothing has trained.
        DataError: the benchmark is not prepared.
    """
    options = resolve_options(config.method, config.options)
    config = config.model_copy(update={"options": options})
    store = store or open_benchmark(config.benchmark, config.image_size)
    run = Run(config, store, choose_device(device), workers, strategy, compiled)
    # What can't work shows here, not after minutes.
    choose_strategy(strategy, run.method, run.device, compiled=compiled)
    if not config.pretrain.steps and "classify" in run.method.traits.stages:
        raise ConfigError(
            f"{config.method} keeps its first blocks as pre-training leaves them;"
            " set pretrain.steps, or options.trunk=learned"
        )
    ways, trained = run.method.traits.ways, run.train_task.n_way
    if ways and ways != trained:
        raise ConfigError(
            f"{config.method} is for one number of classes: train.n_way = {trained} must equal"
            f" task.n_way = {ways}"
        )
    return run


def choose_device(name: str) -> torch.device:
    """The torch device called ``name``; raises ConfigError if it does not exist here."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {name!r} can't be used here; try cpu") from error
    return device


def train(run: Run, observer: Observer) -> Checkpoint:
    """Train a run, go on with a broken one, or load a finished one.

    Returns:
        The parameters of the best validation, as stored in ``model.safetensors``.
    """
    path = run.folder / MODEL
    if path.exists():
        return load_trained(run, path)
    write_atomic(run.folder / "config.toml", run.config.to_toml().encode())
    config = run.config.train
    training = run.loader("train", run.train_task, config.seed)
    validation = run.loader("val", run.test_task, 0)
    parts = _parts(run, (training, validation), observer)
    watch = Stopwatch(run.folder)
    strategy = choose_strategy(run.strategy, run.method, run.device, compiled=run.compiled)
    work = MetaTraining(run.method, training, validation, config, strategy)
    observer.begin("training", config.steps, config.meta_batch)
    given = merge(part.params for part in parts.values())
    state = meta_train(work, run.folder, observer, given)
    seconds = total([watch.seconds, *(part.info.get("seconds") for part in parts.values())])
    info = {**describe(run, state, parts), "seconds": seconds}
    save_checkpoint(path, state.best or {}, info)
    (run.folder / STATE).unlink(missing_ok=True)
    return load_trained(run, path)


def total(seconds: list[float | None]) -> float | None:
    """Of all stages, whoever trained them first; None if one of them was ever interrupted."""
    known = [value for value in seconds if value is not None]
    return round(sum(known), 1) if len(known) == len(seconds) else None


def _parts(
    run: Run, loaders: tuple[EpisodeLoader, EpisodeLoader], observer: Observer
) -> dict[str, Checkpoint]:
    """What meta-training starts from, by name."""
    parts: dict[str, Checkpoint] = {}
    if run.config.pretrain.steps:
        parts["pretrain"] = pretrained_backbone(
            run.config, run.setup, run.store, loaders[1], observer
        )
    if (network := run.relation_network) is not None:
        parts["relation"] = trained_relation(run.config, network, run.store, loaders, observer)
    return parts


def describe(run: Run, state: State, parts: dict[str, Checkpoint]) -> dict[str, Any]:
    """What a model file says of itself."""
    manifest = run.store.manifest
    return {
        "version": __version__,
        "config": run.config.model_dump(),
        "losses": run.config.loss_hashes,
        "benchmark": manifest.benchmark,
        "fingerprint": manifest.fingerprint,
        "image": {"channels": manifest.channels, "size": manifest.image_size},
        "train_classes": list(manifest.classes["train"]),
        "selection": state.selection,
        "parts": {name: part.info["selection"] for name, part in parts.items()},
    }


def load_trained(run: Run, path: Path) -> Checkpoint:
    """Load a model file that fits the run.

    Raises:
        CheckpointError: missing, damaged, or of another configuration.
    """
    checkpoint = load_checkpoint(path)
    info = checkpoint.info
    if "config" not in info:
        raise CheckpointError(f"{path} is the state of a training, not a trained model")
    image = {"channels": run.image.channels, "size": run.image.size}
    for what, stored, wanted in (
        ("method", info["config"]["method"], run.config.method),
        ("backbone", info["config"]["backbone"], run.config.backbone),
        ("image shape", info["image"], image),
    ):
        if stored != wanted:
            raise CheckpointError(f"{path} has {what} {stored}, this run needs {wanted}")
    losses = run.config.loss_hashes
    if info.get("losses", losses) != losses:
        raise CheckpointError(f"{path} was trained with another loss than the file holds now")
    expected = run.method.init(torch.Generator().manual_seed(0))
    check_params(checkpoint.params, expected, str(path))
    params = {name: value.to(run.device) for name, value in checkpoint.params.items()}
    return Checkpoint(params, info)
