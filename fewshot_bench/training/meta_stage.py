"""The last stage: the method itself, meta-trained, or put together where it has no training."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from fewshot_bench.config import EpisodesConfig, StageConfig
from fewshot_bench.config.stages import stage_kind
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.files import safe_name, write_atomic
from fewshot_bench.methods.base import FewShotMethod
from fewshot_bench.methods.build import option_types
from fewshot_bench.nn.params import Params, merge
from fewshot_bench.registry import BACKBONES, METHODS, load_target
from fewshot_bench.testing import probe_start, probe_training
from fewshot_bench.training.bank import Demand, banked
from fewshot_bench.training.checkpoint import Checkpoint
from fewshot_bench.training.context import Run
from fewshot_bench.training.fit import Observer
from fewshot_bench.training.identity import CODE_VERSION, data_identity, loss_hashes, parts_identity
from fewshot_bench.training.meta_train import MetaTraining, meta_train, started
from fewshot_bench.training.stages import Stage
from fewshot_bench.training.state import UNSELECTED
from fewshot_bench.training.strategy import choose_strategy

# Where data and weights come from; what they are is told by fingerprints and hashes.
PLACES = ("benchmark", "image_size", "train_on", "weights", "trained_on")


def used_stages(run: Run) -> dict[str, Stage]:
    """The stages that a run goes on from, by name.

    Those of the configuration whose parameters the method has, and one for each part of the method,
    with the default settings where the configuration names none.
    """
    parts = run.method.parts()
    made = {
        name: load_target(settings.trainer)(name, settings, run)
        for name, settings in with_parts(run.config.stages, parts).items()
        if settings.steps and (name in parts or stage_kind(name) == name)
    }
    names = run.method.init(torch.Generator().manual_seed(0))
    return {k: stage for k, stage in made.items() if any(n.startswith(stage.gives) for n in names)}


def with_parts(stages: Mapping[str, StageConfig], parts: Iterable[str]) -> dict[str, StageConfig]:
    """Settings of stages, and after them the default ones for parts that they do not name."""
    return {**stages, **{name: EpisodesConfig() for name in parts if name not in stages}}


class MetaTrainStage(Stage):
    """Meta-training of the method of a run.

    Args:
        run: configuration, data and device.
    """

    def __init__(self, run: Run) -> None:
        super().__init__("meta-train", run)
        self._needs = tuple(used_stages(run).values())
        # Files, which the method has read now.
        self._parts = parts_identity(run.config.options, option_types(run.config.method))

    @property
    def needs(self) -> tuple[Stage, ...]:
        """What is trained before."""
        return self._needs

    @property
    def key(self) -> list[Any]:
        """Settings, losses, data and code; nothing that measures, and no path.

        Of a method without training, the shape of episodes and ``train.*`` decide nothing, but for
        the number of classes, which heads may be made for, and the seed.
        """
        config = self.run.config
        settings = config.model_dump(exclude={"evaluate", "stages", *PLACES})
        if not self.run.method.traits.trains:
            settings |= {"train": config.train.seed, "task": config.task.n_way}
        entries = METHODS.entry(config.method), BACKBONES.entry(config.backbone)
        code = [entry.code() for entry in entries]
        data = data_identity(self.run.store.manifest)
        return [settings, self._parts, data, code, CODE_VERSION, *self.run.given]

    @property
    def folder(self) -> Path:
        """Where this training lives in the cache."""
        return self.run.cache("runs") / f"{safe_name(self.run.config.method)}-{self.id}"

    def train(self, given: Mapping[str, Checkpoint], observer: Observer) -> Checkpoint:
        """See :meth:`Stage.train`."""
        run = self.run
        write_atomic(self.folder / "config.toml", run.config.to_toml().encode())
        start = merge(_given(stage, given[stage.name]) for stage in self.needs)
        probe_start(run.method, run.config.method)
        if not run.method.traits.trains:
            return self.put_together(given)
        params, selection = self._meta_trained(start, observer)
        buffers = run.method.finish(params, run.training_images())
        return Checkpoint({**params, **buffers}, self._info(selection, given, learned=True))

    def put_together(
        self, given: Mapping[str, Checkpoint], finish: Callable[[Params], Params] | None = None
    ) -> Checkpoint:
        """The model of a method without a training of its own.

        Args:
            given: what the stages before have made, by their names.
            finish: parameters to the buffers that follow from them and the training images; None
                for :meth:`fewshot_bench.methods.base.FewShotMethod.finish`.
        """
        run = self.run
        params = self._untrained(merge(part.params for part in given.values()))
        buffers = finish(params) if finish else run.method.finish(params, run.training_images())
        info = self._info(_only_selection(given), given, learned=bool(given or buffers))
        return Checkpoint({**params, **buffers}, info)

    def _meta_trained(self, given: Params, observer: Observer) -> tuple[Params, dict[str, Any]]:
        run, config = self.run, self.run.config.train
        loaders = run.training_loader(), run.validation_loader()
        start = self._untrained(given)
        probe_training(run.method, start, loaders[0], run.config.method)
        method, train, val = self._banked(start, *loaders, observer)
        strategy = choose_strategy(
            run.strategy, method, run.device, compiled=run.compiled, one_shape=run.one_shape
        )
        observer.begin("training", config.steps, config.meta_batch)
        work = MetaTraining(method, train, val, config, strategy)
        state = meta_train(work, self.folder, observer, given)
        return state.kept, state.selection

    def _banked(
        self, start: Params, train: EpisodeLoader, val: EpisodeLoader | None, observer: Observer
    ) -> tuple[FewShotMethod, EpisodeLoader, EpisodeLoader | None]:
        """Method and loaders of activations, where its frozen stages can be run before."""
        config = self.run.config.train
        demands = [Demand(train, config.steps * config.meta_batch)]
        if val is not None:
            demands.append(Demand(val, config.steps // config.val_every * config.val_episodes))
        method, loaders = banked(self.run, start, demands, observer)
        return method, loaders[0], loaders[1] if val is not None else None

    def _untrained(self, given: Params) -> Params:
        params = started(self.run.method, self.run.config.train.seed, given)
        return {name: value.to(self.run.device) for name, value in params.items()}

    def _info(
        self, selection: dict[str, Any], given: Mapping[str, Checkpoint], *, learned: bool
    ) -> dict[str, Any]:
        """What a model file says of itself; ``learned`` from training classes, or made up."""
        run, manifest = self.run, self.run.store.manifest
        return {
            "config": run.config.model_dump(),
            "losses": loss_hashes(run.config),
            "benchmark": manifest.benchmark,
            "fingerprint": manifest.fingerprint,
            "split_sha256": manifest.split_sha256,
            "image": {"channels": run.image.channels, "size": run.image.size},
            "mean": list(manifest.mean),
            "std": list(manifest.std),
            "train_classes": list(manifest.classes["train"]) if learned else [],
            **({"given": run.given} if run.given else {}),
            "selection": selection,
            "stages": {name: part.info["selection"] for name, part in given.items()},
        }


def _given(stage: Stage, made: Checkpoint) -> Params:
    """What a stage gives to the method, of all that it has made."""
    return {name: value for name, value in made.params.items() if name.startswith(stage.gives)}


def _only_selection(given: Mapping[str, Checkpoint]) -> dict[str, Any]:
    """How the parameters of a method without training were chosen: as those of its only stage."""
    selections: list[dict[str, Any]] = [part.info["selection"] for part in given.values()]
    return selections[0] if len(selections) == 1 else UNSELECTED
