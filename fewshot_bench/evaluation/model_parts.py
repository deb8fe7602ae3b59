"""Parts of a result's document about the model: what it is, and how it was learned."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST = 1 << 63  # larger counts are no counts

Name = Annotated[str, Field(min_length=1, max_length=200)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=MOST)]
Setting = Literal["inductive", "transductive_bn", "transductive"]


class Part(BaseModel):
    """A part of a document. Keys that are not known here are kept as they are."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    def table(self) -> dict[str, Any]:
        """The JSON form, with those keys only that were set."""
        return self.model_dump(mode="json", exclude_unset=True)


class Tool(Part):
    """The version of this package that measured; ``dirty`` tells of uncommitted changes."""

    version: str = ""
    commit: str | None = None
    dirty: bool | None = None


class TrainSettings(Part):
    """Settings of meta-training; more keys than the seed are kept."""

    seed: Count


class Config(Part):
    """The resolved configuration; ``train`` is None for a model that this suite did not train."""

    backbone: Name
    options: dict[str, Any] = {}
    train: TrainSettings | None = None


class Method(Part):
    """What was measured.

    Attributes:
        id: registered name, or the name that a user gave to a model of their own.
        setting: may the prediction of one query depend on the others?
        adaptation: whether the method is this suite's own adaptation of the paper's.
        told_counts: whether it is told how many queries each class has.
        config: all settings.
        config_sha256: of ``config``.
        code_sha256: of sources and loss files from outside this package; None if there are none.
    """

    id: Name
    setting: Setting
    adaptation: bool = False
    told_counts: bool = False
    config: Config
    config_sha256: Digest
    code_sha256: str | None = None


class Selection(Part):
    """How the parameters were chosen among those of several steps."""

    split: str
    step: int
    metric: str = ""
    value: Number | None = None
    n_candidates: int | None = None


class Tuning(Part):
    """How settings were chosen on validation classes, see ``TuningConfig`` of configurations."""

    on: str
    split: str
    trials: Count
    steps: Count | None = None
    seconds: Seconds | None = None
    episodes: Count
    n_candidates: Count

    @property
    def budget(self) -> tuple[int, int | None, float | None]:
        """What rows must have in common to have been tuned alike."""
        return self.trials, self.steps, self.seconds


class Stage(Part):
    """One stage of the training that led to the measured parameters.

    Attributes:
        name: ``classify``, ``relation``, ...; the last one is ``meta-train`` where there is one.
        selection: how its parameters were chosen.
    """

    name: Name
    selection: Selection | None = None


class Checkpoint(Part):
    """The measured parameters.

    Attributes:
        sha256: of the tensors, by name.
        n_params: numbers in all of them.
        weights: name of weights that come from elsewhere; "" for none.
        training_seed: 0 for a model that this suite did not train.
        seed_group: training seeds that were measured together.
        training_benchmark: "" where nothing was trained here, as the next two.
        training_fingerprint: of the training data.
        training_class_hashes: see :func:`fewshot_bench.evaluation.classes.class_hashes`.
        external_data: whether other data than the benchmark's training classes were learned from.
        trained_on: in words, what these were.
        stages: in the order of training; none where nothing was trained here.
        selection: of the last stage; its candidates include those of the tuning.
        tuning: how settings were chosen; None where they were not, or where nobody wrote it down.
    """

    sha256: Digest
    n_params: Count
    weights: str = ""
    training_seed: Count = 0
    seed_group: list[int] = []
    training_benchmark: str = ""
    training_fingerprint: str = ""
    training_class_hashes: str = ""
    external_data: bool = False
    trained_on: str = ""
    stages: list[Stage] = []
    selection: Selection | None = None
    tuning: Tuning | None = None


class Training(Part):
    """The learning curve: steps and validation accuracies."""

    model_config = ConfigDict(strict=False)

    curve: list[tuple[int, float]] = Field(default_factory=list)


class Timing(Part):
    """Seconds and bytes; None where they are not known."""

    total_s: Seconds | None = None
    per_episode_s: Seconds | None = None
    train_s: Seconds | None = None
    peak_gpu_bytes: Count | None = None
    peak_process_bytes: Count | None = None
