"""The models of a run: what is trained, how, and how it is measured."""

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from fewshot_bench.config.model import Model, Table
from fewshot_bench.config.older import translated
from fewshot_bench.config.stages import StageConfig, stage_settings
from fewshot_bench.registry import SAMPLERS

RARE = ("weights", "trained_on", "input_size", "train_on")
SEEDS = 1 << 63  # how many there are
Factor = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _sampler(value: object) -> object:
    """A registered name; what older files call ``replacement`` is ``uniform``."""
    name = "uniform" if value == "replacement" else value
    if isinstance(name, str) and name not in SAMPLERS:
        known = ", ".join(entry.name for entry in SAMPLERS)
        raise ValueError(f"there is no such sampler; known: {known}")
    return name


_SAID = object()  # unlike any setting
SamplerName = Annotated[str, BeforeValidator(_sampler)]


class TaskConfig(Model):
    """Shape of test episodes.

    Attributes:
        n_way: classes.
        n_shot: support images per class.
        n_query: query images per class.
    """

    n_way: int = Field(5, ge=2, le=256)  # predictions are stored as bytes
    n_shot: int = Field(1, ge=1)
    n_query: int = Field(15, ge=1)


class TrainConfig(Model):
    """Meta-training.

    Attributes:
        steps: outer (meta) steps.
        meta_batch: episodes per step.
        n_way: classes per training episode; None as at test.
        n_shot: support images per class in training; None as at test.
        n_query: query images per class in training; None as at test.
        lr: outer learning rate of Adam.
        lr_min: where the cosine schedule ends.
        schedule: ``constant``, or ``cosine`` from ``lr`` to ``lr_min`` over all steps.
        clip: bound on each component of the meta-gradient; None for none.
        rates: factors of the outer rate by the beginning of parameter names, as ``film = 0.1``;
            the longest one that fits goes.
        val_every: steps between validations.
        val_episodes: episodes per validation, of the test shape.
        seed: of the initial weights and the training episodes.
        sampler: how training episodes are drawn, a registered name.
        sampler_options: the sampler's own parameters.
    """

    steps: int = Field(2000, ge=1)
    meta_batch: int = Field(4, ge=1)
    n_way: int | None = Field(None, ge=2)
    n_shot: int | None = Field(None, ge=1)
    n_query: int | None = Field(None, ge=1)
    lr: float = Field(1e-3, gt=0)
    lr_min: float = Field(1e-5, ge=0)
    schedule: Literal["constant", "cosine"] = "cosine"
    clip: float | None = Field(None, gt=0)
    rates: dict[str, Factor] = Field(default_factory=dict)
    val_every: int = Field(250, ge=1)
    val_episodes: int = Field(100, ge=1)
    seed: int = Field(0, ge=0, lt=SEEDS)
    sampler: SamplerName = "uniform"
    sampler_options: dict[str, int] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _as_before(self, written: SerializerFunctionWrapHandler) -> Table:
        """As older versions wrote it where episodes are drawn as they were always drawn.

        So what was trained and measured before is still found by the hash of its settings.
        """
        table: Table = written(self)
        later = {"sampler": "uniform", "sampler_options": {}}
        return {key: value for key, value in table.items() if value != later.get(key, _SAID)}


class EvaluateConfig(Model):
    """Meta-testing.

    Attributes:
        episodes: number of test episodes; None for 1,000, for all there are if they are disjoint,
            and for at most 20,000 with ``until_half_width``.
        seed: which list of episodes; methods are compared on the same one.
        split: which classes.
        level: confidence level of the interval.
        sampler: how episodes are drawn, a registered name; older files call ``uniform``
            ``replacement``.
        sampler_options: the sampler's own parameters.
        interval: what the interval is about: new episodes only (``closed``), new images of the
            same classes too, or new classes too.
        until_half_width: stop as soon as the closed interval is this short (a fraction).
    """

    episodes: int | None = Field(None, ge=1)
    seed: int = Field(0, ge=0, lt=SEEDS)
    split: Literal["train", "val", "test"] = "test"
    level: float = Field(0.95, gt=0, lt=1)
    sampler: SamplerName = "uniform"
    sampler_options: dict[str, int] = Field(default_factory=dict)
    interval: Literal["closed", "open_images", "open_classes"] = "closed"
    until_half_width: float | None = Field(None, gt=0, lt=0.5)


class TuningConfig(Model):
    """How settings were chosen, as ``fsbench tune`` writes it; it decides nothing of a run.

    Attributes:
        on: data and shape of the episodes that chose.
        split: classes that chose.
        trials: settings that were tried, pruned ones included.
        steps: outer steps that each of them could take.
        seconds: that all of them could take together; None for no such bound.
        episodes: validation episodes that judged each of them.
        n_candidates: how many accuracies were looked at: of all validations and all trials.
    """

    on: str = Field(min_length=1)
    split: Literal["val"] = "val"
    trials: int = Field(ge=1)
    steps: int | None = Field(None, ge=1)
    seconds: float | None = Field(None, gt=0)
    episodes: int = Field(ge=1)
    n_candidates: int = Field(ge=1)


Stages = Annotated[dict[str, SerializeAsAny[StageConfig]], BeforeValidator(stage_settings)]


class RunConfig(Model):
    """One method on one benchmark.

    Attributes:
        method: registered name.
        benchmark: registered name, or ``folder:PATH``.
        backbone: registered name.
        image_size: side in pixels; None for the benchmark's own.
        weights: of a backbone of another library: a file, or ``default``; None for random ones.
        trained_on: what these weights were trained on, in words, where they don't tell.
        input_size: side that images are resized to for them; None for what they were made for.
        train_on: benchmark whose classes are trained on; None for those of ``benchmark``, whose
            test classes are measured in both cases.
        options: keyword arguments of the method.
        task: shape of test episodes.
        stages: what is trained before, by name, see :mod:`fewshot_bench.config.stages`.
        train: meta-training.
        evaluate: meta-testing.
        tuning: where settings come from. It is no part of a run's identity, and not dumped.
    """

    method: str = "protonet"
    benchmark: str = "glyphs"
    backbone: str = "conv4-64"
    image_size: int | None = Field(None, ge=1, le=1024)
    weights: str | None = Field(None, min_length=1)
    trained_on: str | None = Field(None, min_length=1, max_length=200)
    input_size: int | None = Field(None, ge=1, le=1024)
    train_on: str | None = Field(None, min_length=1)
    options: Table = Field(default_factory=dict)
    task: TaskConfig = TaskConfig()
    stages: Stages = Field(default_factory=dict)
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    tuning: TuningConfig | None = Field(None, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _in_todays_names(cls, table: Any) -> Any:
        return translated(table) if isinstance(table, dict) else table

    @model_serializer(mode="wrap")
    def _without_rare_settings(self, tables: SerializerFunctionWrapHandler) -> Table:
        """Settings that most runs leave alone stand in a table only where they are set.

        So configurations, and what is identified by them, stay as they were before there were any.
        """
        table: Table = tables(self)
        return {k: v for k, v in table.items() if v is not None or k not in RARE}

    @property
    def training_benchmark(self) -> str:
        """The benchmark whose classes are trained on."""
        return self.train_on or self.benchmark

    def to_toml(self) -> str:
        """The resolved configuration; reading it back gives the same run."""
        import tomli_w

        return tomli_w.dumps(_without_none(self.table()))

    def table(self) -> Table:
        """All settings and where they come from; the same run when it is validated again."""
        tuning = {} if self.tuning is None else {"tuning": self.tuning.model_dump()}
        return {**self.model_dump(), **tuning}


def _without_none(table: Table) -> Table:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }
