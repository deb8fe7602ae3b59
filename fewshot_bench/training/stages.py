"""Training as a small graph of stages: each is trained once, by one process, and found again."""

import contextlib
import functools
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fewshot_bench import __version__
from fewshot_bench.files import digest, safe_name
from fewshot_bench.lock import locked
from fewshot_bench.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fewshot_bench.training.context import Run
from fewshot_bench.training.fit import STATE, Observer, Stopwatch
from fewshot_bench.world import World, current

MODEL = "model.safetensors"
_log = logging.getLogger(__name__)


class Stage(ABC):
    """Something that is trained, from what other stages have trained.

    A stage of the configuration is made as ``trainer(name, settings, run)``, see
    :class:`fewshot_bench.config.stages.StageConfig`.

    Args:
        name: as the configuration and messages call it.
        run: configuration, data and device.

    Attributes:
        gives: what the names of the parameters that it makes begin with.
    """

    gives: str = ""

    def __init__(self, name: str, run: Run) -> None:
        self.name, self.run = name, run

    @property
    @abstractmethod
    def key(self) -> list[Any]:
        """JSON values of all that decides the outcome, but for the stages that it needs."""

    @property
    def needs(self) -> tuple["Stage", ...]:
        """Stages that it goes on from."""
        return ()

    @abstractmethod
    def train(self, given: Mapping[str, Checkpoint], observer: Observer) -> Checkpoint:
        """Train it, or go on training it, in :attr:`folder`.

        Args:
            given: what the stages in :attr:`needs` have made, by their names.
            observer: told of the progress.

        Raises:
            TrainingError: loss or gradient is not finite; the last good state stays on disk.
            Interrupted: a signal came; the state is on disk.
        """

    @functools.cached_property
    def id(self) -> str:
        """Hash of the key and of the stages that it needs."""
        return digest(self.name, self.key, [stage.id for stage in self.needs])

    @property
    def label(self) -> str:
        """Readable part of the folder's name."""
        return self.name

    @property
    def folder(self) -> Path:
        """Where it lives in the cache."""
        return self.run.cache("stages") / f"{safe_name(self.label)}-{self.id}"


def once(stage: Stage, observer: Observer) -> Checkpoint:
    """What a stage makes: found, waited for, gone on with, or trained.

    Its own needs come first. Whoever trains it holds the lock of its folder, so that several
    processes that need one stage train it once.

    Args:
        stage: what is wanted.
        observer: told of the progress of every stage that has to be trained.
    """
    path, world = stage.folder / MODEL, current()
    if world.told(path.exists()):
        return load_checkpoint(path)
    given = {need.name: once(need, observer) for need in stage.needs}
    with _held(stage, world):
        if not world.told(path.exists()):
            _train(stage, given, observer)
    world.told(None)  # until the one that leads has written it
    return load_checkpoint(path)


def _held(stage: Stage, world: World) -> contextlib.AbstractContextManager[None]:
    """The lock of a stage's folder; of several processes that share a training, one takes it."""
    if not world.leads:
        return contextlib.nullcontext()
    return locked(stage.folder, f"the training in {stage.folder}")


def _train(stage: Stage, given: Mapping[str, Checkpoint], observer: Observer) -> None:
    folder = stage.folder
    if (folder / STATE).exists():
        _log.warning("fsbench: going on with the stopped training in %s", folder)
    watch = Stopwatch(folder)
    trained = stage.train(given, observer)
    seconds = total([watch.seconds, *(one.info.get("seconds") for one in given.values())])
    info = {"version": __version__, **trained.info, "seconds": seconds}
    if current().leads:
        save_checkpoint(folder / MODEL, trained.params, info)
        (folder / STATE).unlink(missing_ok=True)


def total(seconds: list[float | None]) -> float | None:
    """Of all stages, whoever trained them first; None if one of them was ever interrupted."""
    known = [value for value in seconds if value is not None]
    return round(sum(known), 1) if len(known) == len(seconds) else None
