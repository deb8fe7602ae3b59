"""What is trained before meta-training: ``stages.<name>`` of a configuration.

A stage that is called like a registered kind (``stages.classify``) is of that kind. Any other name
is that of a part of the method (``stages.relation``), which is trained by episodes.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from fewshot_bench.config.model import Model, validated
from fewshot_bench.config.names import LossName, ObjectiveName
from fewshot_bench.errors import ConfigError
from fewshot_bench.registry import STAGES

CLASSIFY, EPISODES = "classify", "episodes"

STAGES.add(
    CLASSIFY,
    "fewshot_bench.config.stages:ClassifyConfig",
    summary="pre-training: the backbone as a classifier of the training classes",
)
STAGES.add(
    EPISODES,
    "fewshot_bench.config.stages:EpisodesConfig",
    summary="a part of a method that is trained by episodes before the method itself",
)


class StageConfig(Model):
    """Base of the settings of one stage; a kind of stage registers its own in ``STAGES``.

    A setting that names a loss has the type :data:`fewshot_bench.config.names.LossName`.

    Attributes:
        trainer: class of the stage, as ``"module:Object"`` or the object itself, see
            :class:`fewshot_bench.training.stages.Stage`.
        later: settings that older versions did not have.
        steps: of the stage; 0 leaves it out.
    """

    trainer: ClassVar[Any] = ""
    later: ClassVar[frozenset[str]] = frozenset()
    steps: int = Field(0, ge=0)

    def decisive(self) -> dict[str, Any]:
        """Settings that decide the outcome, as JSON values.

        Those of :attr:`later` stand there only where they differ from their defaults, so that what
        was trained before they came is still found.
        """
        unchanged = {name for name in self.later if getattr(self, name) == self.default(name)}
        return self.model_dump(exclude=unchanged)

    @classmethod
    def default(cls, name: str) -> Any:
        """Of a setting."""
        return cls.model_fields[name].get_default(call_default_factory=True)


def _augmentation(value: object) -> object:
    """What older files say with a truth value."""
    return {True: "strong", False: "none"}[value] if isinstance(value, bool) else value


Augmentation = Annotated[Literal["none", "shift", "strong"], BeforeValidator(_augmentation)]


class ClassifyConfig(StageConfig):
    """Training of the backbone as an ordinary classifier before meta-training.

    It does not depend on the shape of test episodes, so 1-shot and 5-shot runs share it.

    Attributes:
        steps: mini-batches; 0 for no pre-training.
        batch: images per step.
        lr: learning rate of SGD at the start; it falls to 0 along a cosine.
        momentum: Nesterov's.
        weight_decay: of all weights.
        augment: ``none``; ``shift`` by up to 4 pixels and flips; ``strong`` crops, flips and colour
            jitter. In older files ``true`` is ``strong`` and ``false`` is ``none``.
        loss: what the classifier minimises: a registered name, or a loss file.
        precision: ``fp32``; or ``bf16`` for convolutions of 16 bits, which take half of the time on
            processors that have them. Weights, statistics, loss and validation stay at 32 bits.
        val_every: steps between validations.
        val_episodes: episodes per validation, classified by prototypes.
        n_way: classes per validation episode, or as many as there are.
        n_shot: support images per class, or as many as leave one to query.
        n_query: query images per class, or as many as are left.
        objective: what turns features into logits and logits into the loss: a registered name.
        objective_options: of the objective.
        rotation: share of a second task in the loss, to tell by how many quarter turns an image
            was rotated; 0 for none.
        generation: 0 learns from the labels. k learns from the network of generation k - 1, too,
            which is trained before with the same settings.
        temperature: of the softmaxes of teacher and student.
        alpha: share of what the teacher says in the loss; the labels have the rest.
    """

    trainer: ClassVar[Any] = "fewshot_bench.training.classify:ClassifyStage"
    later: ClassVar[frozenset[str]] = frozenset(
        {
            *("precision", "objective", "objective_options", "rotation"),
            *("generation", "temperature", "alpha"),
        }
    )
    batch: int = Field(128, ge=2)
    lr: float = Field(0.05, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0)
    augment: Augmentation = "strong"
    loss: LossName = "cross_entropy"
    precision: Literal["fp32", "bf16"] = "fp32"
    val_every: int = Field(250, ge=1)
    val_episodes: int = Field(200, ge=1)
    n_way: int = Field(5, ge=2)
    n_shot: int = Field(1, ge=1)
    n_query: int = Field(15, ge=1)
    objective: ObjectiveName = "linear"
    objective_options: dict[str, Any] = Field(default_factory=dict)
    rotation: float = Field(0.0, ge=0, le=1)
    generation: int = Field(0, ge=0)
    temperature: float = Field(4.0, gt=0)
    alpha: float = Field(0.5, ge=0, le=1)

    @property
    def teacher(self) -> "ClassifyConfig | None":
        """Settings of the network that it learns from."""
        if not self.generation:
            return None
        earlier = self.model_copy(update={"generation": self.generation - 1})
        if earlier.generation:
            return earlier
        # The first one has no teacher, so it is the same whatever is asked of its students.
        unused = ("temperature", "alpha")
        return earlier.model_copy(update={name: self.default(name) for name in unused})


class EpisodesConfig(StageConfig):
    """Training of a part of a method by episodes, before the method itself.

    Attributes:
        steps: outer steps of Adam at a constant rate.
        meta_batch: episodes per step.
        lr: learning rate.
        val_every: steps between validations.
        val_episodes: episodes per validation.
    """

    trainer: ClassVar[Any] = "fewshot_bench.training.episodes:EpisodesStage"
    steps: int = Field(2000, ge=1)
    meta_batch: int = Field(1, ge=1)
    lr: float = Field(1e-3, gt=0)
    val_every: int = Field(250, ge=1)
    val_episodes: int = Field(100, ge=1)


def stage_kind(name: str) -> str:
    """The registered kind of a stage: its own name, or ``episodes`` for a part of a method."""
    return name if name in STAGES else EPISODES


def stage_settings(stages: object) -> object:
    """Tables of ``stages.*`` as models of their kinds.

    Raises:
        ConfigError: a setting is unknown or out of range.
    """
    if not isinstance(stages, Mapping):
        raise ConfigError(f"stages: a table for each stage is expected, not {stages!r}")
    models: dict[str, StageConfig] = {}
    for name, table in stages.items():
        model = STAGES.load(stage_kind(name))
        known = isinstance(table, model)
        models[name] = table if known else validated(model, table, where=f"stages.{name}")
    return models
