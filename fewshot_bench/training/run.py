"""From a run configuration to trained parameters: made once, found again afterwards."""

import logging
from dataclasses import replace
from pathlib import Path

import torch

from fewshot_bench.config import RunConfig
from fewshot_bench.data.adapted import Wanted, adapted
from fewshot_bench.data.features.store import FeatureStore
from fewshot_bench.data.opened import Store, open_data, open_tested
from fewshot_bench.data.store import ImageStore
from fewshot_bench.errors import CheckpointError, ConfigError
from fewshot_bench.methods.build import resolve_options
from fewshot_bench.registry import METHODS
from fewshot_bench.training.bank import check_mode
from fewshot_bench.training.checkpoint import Checkpoint, check_params, load_checkpoint
from fewshot_bench.training.context import Run
from fewshot_bench.training.fit import Observer
from fewshot_bench.training.given import as_taken, backbone_of, check_given
from fewshot_bench.training.identity import check_unseen, loss_hashes
from fewshot_bench.training.meta_stage import with_parts
from fewshot_bench.training.stages import MODEL, once
from fewshot_bench.training.strategy import choose_strategy

__all__ = ["MODEL", "Run", "choose_device", "load_trained", "prepare_run", "train"]

_log = logging.getLogger(__name__)


def prepare_run(
    config: RunConfig,
    device: str = "auto",
    workers: int = 0,
    store: ImageStore | FeatureStore | None = None,
    strategy: str = "auto",
    *,
    compiled: bool = False,
    tested: ImageStore | FeatureStore | None = None,
    bank: str = "auto",
) -> Run:
    """Check names and options, open the data, choose the device.

    Args:
        config: what to run; options left out are filled in.
        device: a torch device, or ``auto`` for the GPU if there is one.
        workers: loader threads.
        store: the data that are trained on, if they are open already.
        strategy: how the tasks of a meta-batch are computed.
        compiled: compile the map over tasks.
        tested: the data that are tested, if they are others and open already.
        bank: ``auto`` runs frozen stages once per image, ``off`` in every episode anew.

    Raises:
        ConfigError: unknown names or options, no such device, or a method on a frozen backbone
            that nothing has trained.
        DataError: the benchmark is not prepared.
    """
    options = resolve_options(config.method, config.options)
    config = config.model_copy(update={"options": options})
    check_mode(bank)
    store = store or open_data(config.training_benchmark, config.image_size)
    stores = _as_taken(config, store, tested)
    run = Run(
        config, stores[0], choose_device(device), workers, strategy, compiled, stores[1], bank
    )
    stages = with_parts(config.stages, run.method.parts())
    run = replace(run, config=config.model_copy(update={"stages": stages}))
    # What can't work shows here, not after minutes.
    _check_stages(run)
    if run.method.traits.trains:
        choose_strategy(
            strategy, run.method, run.device, compiled=compiled, one_shape=run.one_shape
        )
        _check_ways(run)
    return run


def _as_taken(
    config: RunConfig, store: ImageStore | FeatureStore, tested: ImageStore | FeatureStore | None
) -> tuple[Store, Store | None]:
    """The data of training and of the test as the model takes them; None if they are the same."""
    check_given(config, store)
    if isinstance(store, FeatureStore):
        if config.train_on is not None:
            raise ConfigError("--train-on goes with images, not with features")
        return store, None
    taken = as_taken(store, backbone_of(config))
    if config.train_on is None:
        return taken, None
    tested = tested or open_tested(config.benchmark, store.manifest.image_size)
    if isinstance(tested, FeatureStore):
        raise ConfigError("--train-on goes with images, not with features")
    return taken, adapted(tested, Wanted.of(taken.manifest))


def _check_stages(run: Run) -> None:
    """Say which stages are not used; raise ConfigError if one is missing."""
    used, name = {stage.name for stage in run.stage.needs}, run.config.method
    for stage, settings in run.config.stages.items():
        if settings.steps and stage not in used:
            _log.warning("fsbench: note: %s does not use stages.%s, which is left out", name, stage)
    for stage in run.method.traits.stages:
        if stage not in used:
            raise ConfigError(
                f"{name} goes on from the stage {stage} and does not train all of it itself;"
                f" set stages.{stage}.steps"
            )


def _check_ways(run: Run) -> None:
    """Raise ConfigError if a method for one number of classes would be trained with another."""
    ways, trained = run.method.traits.ways, run.train_task.n_way
    if ways and not run.one_shape:
        raise ConfigError(
            f"{run.config.method} is for one number of classes, which train.sampler ="
            f" {run.config.train.sampler} varies; use another sampler"
        )
    if ways and ways != trained:
        raise ConfigError(
            f"{run.config.method} is for one number of classes: train.n_way = {trained} must equal"
            f" task.n_way = {ways}"
        )


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

    Another process that trains the same is waited for.

    Returns:
        The parameters of the best validation, as stored in ``model.safetensors``.
    """
    once(run.stage, observer)
    return load_trained(run, run.folder / MODEL)


def load_trained(run: Run, path: Path) -> Checkpoint:
    """Load a model file that fits the run.

    Raises:
        CheckpointError: missing, damaged, of another configuration, or trained on a class that it
            is to be measured on.
    """
    checkpoint = load_checkpoint(path)
    info = checkpoint.info
    if "config" not in info:
        raise CheckpointError(f"{path} is the state of a training, not a trained model")
    image = {"channels": run.image.channels, "size": run.image.size}
    trained, method = info["config"]["method"], run.config.method
    if trained != method and METHODS.entry(method).measuring(METHODS.entry(trained)) is None:
        raise CheckpointError(f"{path} has method {trained}, this run needs {method}")
    for what, stored, wanted in (
        ("backbone", info["config"]["backbone"], run.config.backbone),
        ("image shape", info["image"], image),
    ):
        if stored != wanted:
            raise CheckpointError(f"{path} has {what} {stored}, this run needs {wanted}")
    if info.get("given", []) != run.given:
        raise CheckpointError(f"{path} was made with other weights than this run names")
    check_unseen(info, run.tested.manifest, run.config.evaluate.split, str(path))
    losses = loss_hashes(run.config)
    if info.get("losses", losses) != losses:
        raise CheckpointError(f"{path} was trained with another loss than the file holds now")
    expected = run.method.init(torch.Generator().manual_seed(0))
    check_params(checkpoint.params, expected, str(path))
    params = {name: value.to(run.device) for name, value in checkpoint.params.items()}
    return Checkpoint(params, info)
