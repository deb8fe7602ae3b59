"""A part of a method that is trained by episodes before the method, as NPBML's relation network."""

from collections.abc import Mapping
from typing import Any

from fewshot_bench.config import EpisodesConfig, TrainConfig
from fewshot_bench.config.stages import EPISODES
from fewshot_bench.nn.params import Params, subset
from fewshot_bench.registry import METHODS, STAGES
from fewshot_bench.training.checkpoint import Checkpoint
from fewshot_bench.training.context import Run
from fewshot_bench.training.fit import Observer
from fewshot_bench.training.identity import CODE_VERSION, data_identity
from fewshot_bench.training.meta_train import MetaTraining, meta_train
from fewshot_bench.training.stages import Stage
from fewshot_bench.world import World, current


class EpisodesStage(Stage):
    """The part of the method that is called like the stage; its parameters are ``<name>.*``.

    Episodes are those of meta-training, the rate is constant.

    Args:
        name: of stage and part.
        settings: how long and how fast.
        run: whose method has the part.
    """

    def __init__(self, name: str, settings: EpisodesConfig, run: Run) -> None:
        super().__init__(name, run)
        self.gives = f"{name}."
        self.settings = TrainConfig(
            **settings.model_dump(), schedule="constant", seed=run.config.train.seed
        )

    @property
    def key(self) -> list[Any]:
        """Settings, the part as it describes itself, the shapes of episodes, data and code."""
        run, train = self.run, self.run.config.train
        part = repr(run.method.parts()[self.name])
        shapes = [run.config.task.model_dump(), run.train_task.id]
        if train.sampler != "uniform":
            shapes += [train.sampler, train.sampler_options]
        code = [METHODS.entry(run.config.method).code(), STAGES.entry(EPISODES).code()]
        settings = self.settings.model_dump()
        own = [settings, part, shapes, data_identity(run.store.manifest), code, CODE_VERSION]
        return own + run.given

    def train(self, given: Mapping[str, Checkpoint], observer: Observer) -> Checkpoint:  # noqa: ARG002
        """See :meth:`Stage.train`."""
        loaders = self.run.training_loader(), self.run.validation_loader()
        # Its steps are small: of fewer episodes than processes, each process takes all.
        world = current() if self.settings.meta_batch >= current().size else World()
        part = self.run.method.parts()[self.name]
        work = MetaTraining(part, *loaders, self.settings, world=world)
        observer.begin(f"{self.name} network", self.settings.steps, self.settings.meta_batch)
        state = meta_train(work, self.folder, observer)
        params: Params = subset(state.kept, self.name)
        return Checkpoint(params, {"selection": state.selection})
