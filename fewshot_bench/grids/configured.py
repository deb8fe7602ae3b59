"""Columns that a configuration describes: results are those of ``fsbench evaluate``, to the bit."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fewshot_bench.config import Table, resolve
from fewshot_bench.data.adapted import AdaptedStore
from fewshot_bench.data.features.store import FeatureStore
from fewshot_bench.data.store import ImageStore
from fewshot_bench.errors import CheckpointError
from fewshot_bench.evaluation.features import FeatureBank
from fewshot_bench.evaluation.result import Result
from fewshot_bench.evaluation.run import measure
from fewshot_bench.grids.column import Column, Expected
from fewshot_bench.grids.request import Request
from fewshot_bench.interface.observer import Quiet
from fewshot_bench.methods.base import EmbeddingMethod
from fewshot_bench.methods.parts import BASE_MEAN
from fewshot_bench.nn.params import Params, subset
from fewshot_bench.training.checkpoint import Checkpoint, load_checkpoint
from fewshot_bench.training.fit import Observer
from fewshot_bench.training.identity import check_unseen
from fewshot_bench.training.run import Run, prepare_run
from fewshot_bench.training.stages import once, total
from fewshot_bench.training.subject import method_of, subject_of

PLAIN = "simpleshot"  # a method without a recipe of its own
Given = Mapping[str, Checkpoint]


class Configured(Column):
    """A backbone that the stages of a configuration train.

    Args:
        name: of the embedding.
        seed: of its training.
        request: what is measured on it.
        file: TOML file of settings, or None.
        base: settings of a model file in place of recipes, or None.
    """

    def __init__(
        self,
        name: str,
        seed: int,
        request: Request,
        file: Path | None = None,
        base: Table | None = None,
    ) -> None:
        super().__init__(name, seed, request)
        self._file, self._base = file, base
        self._store: ImageStore | FeatureStore | None = None
        self._given: dict[Any, Given] = {}
        self._means: dict[Any, Params] = {}

    def run(self, method: str, n_shot: int) -> Run:
        """The run of one cell, as the command line would make it.

        The stages are those of the embedding, whatever objective the recipe of a method prefers.
        """
        plain = self.request.settings(PLAIN, n_shot, self.seed)
        stages = resolve(plain, self._file, self._base).model_dump()["stages"]
        settings = self.request.settings(method, n_shot, self.seed) | {"stages": stages}
        config = resolve(settings, self._file, self._base)
        run = prepare_run(config, self.request.device, store=self._store)
        self._store = None if isinstance(run.store, AdaptedStore) else run.store
        return run

    def prepare(self, observer: Observer) -> None:
        """Train the stages of every method; nearly always they share them."""
        for method in self.request.methods:
            self.given(self.run(method, self.request.shots[0]), observer)

    def given(self, run: Run, observer: Observer) -> Given:
        """What the stages of a run have made, by their names."""
        key = self.trained(run)
        if key not in self._given:
            needs = run.stage.needs
            self._given[key] = {stage.name: once(stage, observer) for stage in needs}
        return self._given[key]

    def trained(self, run: Run) -> tuple[str, ...]:
        """What tells one trained backbone from another: the identities of its stages."""
        return (run.config.backbone, *(stage.id for stage in run.stage.needs))

    def expected(self, method: str, n_shot: int) -> Expected:
        """Settings and data decide it."""
        run = self.run(method, n_shot)
        return Expected(method_of(run), run.tested.manifest.fingerprint)

    def measure(self, method: str, n_shot: int) -> Result:
        """One cell, by features that other cells may have computed."""
        run = self.run(method, n_shot)
        given = self.given(run, Quiet())
        put = run.stage.put_together(given, self._finish(run))
        seconds = total([part.info.get("seconds") for part in given.values()])
        model = Checkpoint(put.params, {**put.info, "seconds": seconds})
        settings, loader = run.config.evaluate, run.test_loader()
        subject = subject_of(run, model, loader.pool, self.seeds, run.folder)
        bank = None
        if isinstance(run.method, EmbeddingMethod):
            new = FeatureBank(run.method, model.params, loader)
            bank = self._banks.setdefault(self.trained(run), new)
        return measure(run.method, model.params, loader, subject, settings, bank=bank)

    @property
    def seeds(self) -> tuple[int, ...]:
        """All training seeds that are measured together."""
        return self.request.seeds

    def release(self) -> None:
        """Forget features and weights."""
        super().release()
        self._given.clear()

    def _finish(self, run: Run) -> Callable[[Params], Params]:
        """Buffers of a method; the mean of the training images is taken once per backbone."""

        def finish(params: Params) -> Params:
            if BASE_MEAN not in params:
                return run.method.finish(params, run.training_images())
            key = self.trained(run)
            if key not in self._means:
                self._means[key] = run.method.finish(params, run.training_images())
            return self._means[key]

        return finish


class Stored(Configured):
    """A model file of a method without training of its own: the backbone in it, trained before.

    Args:
        name: of the embedding.
        request: what is measured on it.
        file: model file.
        model: what it holds.
    """

    def __init__(self, name: str, request: Request, file: Path, model: Checkpoint) -> None:
        stored = {k: v for k, v in model.info["config"].items() if k not in _OF_A_METHOD}
        super().__init__(name, stored["train"]["seed"], request, base=stored)
        self._path, self._info = file, model.info

    @property
    def seeds(self) -> tuple[int, ...]:
        """It is measured alone."""
        return (self.seed,)

    def trained(self, run: Run) -> tuple[str, ...]:
        """All methods are measured on the one backbone."""
        return (run.config.backbone,)

    def given(self, run: Run, observer: Observer) -> Given:  # noqa: ARG002
        """The backbone of the file, and how each stage was selected.

        Raises:
            CheckpointError: the file is of another configuration, or has seen a test class.
        """
        if not self._given:
            check_unseen(self._info, run.store.manifest, run.config.evaluate.split, str(self._path))
            backbone = subset(load_checkpoint(self._path).params, "backbone")
            stages = self._info.get("stages", {})
            if not stages:
                raise CheckpointError(f"{self._path} says of no stage that trained its backbone")
            seconds = self._info.get("seconds")
            first, *rest = stages
            self._given[()] = {
                first: Checkpoint(backbone, {"selection": stages[first], "seconds": seconds}),
                **{
                    name: Checkpoint({}, {"selection": stages[name], "seconds": 0.0})
                    for name in rest
                },
            }
        return self._given[()]


_OF_A_METHOD = ("method", "options", "task", "evaluate")
