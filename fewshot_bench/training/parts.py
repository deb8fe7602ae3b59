"""What is trained before meta-training, each part once for all methods that start from it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fewshot_bench import __version__
from fewshot_bench.config import RunConfig, TrainConfig, loss_hashes
from fewshot_bench.data.image_loader import ImageLoader
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.data.store import ImageStore
from fewshot_bench.files import cache_folder, digest, safe_name
from fewshot_bench.inner.losses.criterion import supervised_loss
from fewshot_bench.methods.base import FewShotMethod, Setup
from fewshot_bench.methods.protonet import protonet
from fewshot_bench.nn.params import Params, subset
from fewshot_bench.registry import BACKBONES
from fewshot_bench.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fewshot_bench.training.fit import STATE, Observer, State, Stopwatch
from fewshot_bench.training.meta_train import MetaTraining, meta_train
from fewshot_bench.training.pretrain import Pretraining, pretrain


def pretrained_backbone(
    config: RunConfig,
    setup: Setup,
    store: ImageStore,
    val: EpisodeLoader,
    observer: Observer,
) -> Checkpoint:
    """The backbone as a classifier of the training classes: found, gone on with, or trained.

    Args:
        config: says how long.
        setup: which backbone, for which images.
        store: whose training classes.
        val: validation episodes.
        observer: told of the progress.
    """
    settings, seed = config.pretrain, config.train.seed
    what = [settings.model_dump(), config.backbone, config.task.model_dump(), seed]
    what += loss_hashes(settings.loss)
    what += filter(None, [BACKBONES.entry(config.backbone).code_sha256()])
    folder = _folder(config, f"pretrain-{safe_name(config.backbone)}", what, store)
    train = ImageLoader(
        store.split("train"), settings.batch, seed, augment=settings.augment, device=val.device
    )
    work = Pretraining(protonet(setup), train, val, settings, supervised_loss(settings.loss))

    def run() -> State:
        observer.begin("pre-training", settings.steps, settings.batch)
        return pretrain(work, seed, folder, observer)

    return _once(folder, run, "backbone")


def trained_relation(
    config: RunConfig,
    network: FewShotMethod,
    store: ImageStore,
    loaders: tuple[EpisodeLoader, EpisodeLoader],
    observer: Observer,
) -> Checkpoint:
    """The relation network of a method: found, gone on with, or trained.

    Args:
        config: says how long; episodes are those of meta-training.
        network: what is trained; its parameters are named ``relation.*``.
        store: the data, for their fingerprint.
        loaders: training and validation episodes.
        observer: told of the progress.
    """
    settings = TrainConfig(
        **config.relation.model_dump(), schedule="constant", seed=config.train.seed
    )
    shape = [config.task.model_dump(), loaders[0].sampler.task.id]
    folder = _folder(config, "relation", [settings.model_dump(), repr(network), shape], store)
    work = MetaTraining(network, *loaders, settings)

    def run() -> State:
        observer.begin("relation network", settings.steps, settings.meta_batch)
        return meta_train(work, folder, observer)

    return _once(folder, run, "relation")


def _once(folder: Path, run: Callable[[], State], prefix: str) -> Checkpoint:
    """Parameters of the best validation, trained if they are not in the folder yet."""
    path = folder / "part.safetensors"
    if not path.exists():
        watch = Stopwatch(folder)
        state = run()
        best: Params = subset(state.best or {}, prefix)
        info = {"version": __version__, "selection": state.selection, "seconds": watch.seconds}
        save_checkpoint(path, best, info)
        (folder / STATE).unlink(missing_ok=True)
    return load_checkpoint(path)


def _folder(config: RunConfig, name: str, what: list[Any], store: ImageStore) -> Path:
    part = f"{name}-{digest(what, store.manifest.fingerprint)}"
    return cache_folder() / "parts" / safe_name(config.benchmark) / part
