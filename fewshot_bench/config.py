"""Everything a run is made of, as checked models: TOML in, resolved TOML out.

Values are taken, later ones winning, from: the defaults below, the benchmark's recipe
(``fewshot_bench/recipes/<benchmark>.toml``), its ``[methods.<name>]`` section, the user's
``--config`` file, and the command line.
"""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from fewshot_bench.errors import ConfigError
from fewshot_bench.files import digest, sha256
from fewshot_bench.registry import LOSSES, SAMPLERS

Table = dict[str, Any]
M = TypeVar("M", bound=BaseModel)


SEEDS = 1 << 63  # how many there are


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TaskConfig(_Model):
    """Shape of test episodes.

    Attributes:
        n_way: classes.
        n_shot: support images per class.
        n_query: query images per class.
    """

    n_way: int = Field(5, ge=2, le=256)  # predictions are stored as bytes
    n_shot: int = Field(1, ge=1)
    n_query: int = Field(15, ge=1)


class TrainConfig(_Model):
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
        val_every: steps between validations.
        val_episodes: episodes per validation, of the test shape.
        seed: of the initial weights and the training episodes.
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
    val_every: int = Field(250, ge=1)
    val_episodes: int = Field(100, ge=1)
    seed: int = Field(0, ge=0, lt=SEEDS)


def _augmentation(value: object) -> object:
    """What older files say with a truth value."""
    return {True: "strong", False: "none"}[value] if isinstance(value, bool) else value


Augmentation = Annotated[Literal["none", "shift", "strong"], BeforeValidator(_augmentation)]


class PretrainConfig(_Model):
    """Training of the backbone as an ordinary classifier before meta-training.

    Attributes:
        steps: mini-batches; 0 for no pre-training.
        batch: images per step.
        lr: learning rate of SGD at the start; it falls to 0 along a cosine.
        momentum: Nesterov's.
        weight_decay: of all weights.
        augment: ``none``; ``shift`` by up to 4 pixels and flips; ``strong`` crops, flips and colour
            jitter. In older files ``true`` is ``strong`` and ``false`` is ``none``.
        loss: what the classifier minimises: a registered name, or a loss file.
        val_every: steps between validations.
        val_episodes: episodes per validation, of the test shape, classified by prototypes.
    """

    steps: int = Field(0, ge=0)
    batch: int = Field(128, ge=2)
    lr: float = Field(0.05, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0)
    augment: Augmentation = "strong"
    loss: str = "cross_entropy"
    val_every: int = Field(250, ge=1)
    val_episodes: int = Field(200, ge=1)


class RelationConfig(_Model):
    """Training of the network that tells how alike images are, for methods that have one.

    Attributes:
        steps: outer steps of Adam at a constant rate.
        meta_batch: episodes per step.
        lr: learning rate.
        val_every: steps between validations.
        val_episodes: episodes per validation.
    """

    steps: int = Field(2000, ge=1)
    meta_batch: int = Field(1, ge=1)
    lr: float = Field(1e-3, gt=0)
    val_every: int = Field(250, ge=1)
    val_episodes: int = Field(100, ge=1)


def _sampler(value: object) -> object:
    """A registered name; what older files call ``replacement`` is ``uniform``."""
    name = "uniform" if value == "replacement" else value
    if isinstance(name, str) and name not in SAMPLERS:
        known = ", ".join(entry.name for entry in SAMPLERS)
        raise ValueError(f"there is no such sampler; known: {known}")
    return name


SamplerName = Annotated[str, BeforeValidator(_sampler)]


class EvaluateConfig(_Model):
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


class RunConfig(_Model):
    """One method on one benchmark.

    Attributes:
        method: registered name.
        benchmark: registered name, or ``folder:PATH``.
        backbone: registered name.
        image_size: side in pixels; None for the benchmark's own.
        options: keyword arguments of the method.
        task: shape of test episodes.
        pretrain: classification before meta-training.
        relation: training of the relation network of methods that have one.
        train: meta-training.
        evaluate: meta-testing.
    """

    method: str = "protonet"
    benchmark: str = "glyphs"
    backbone: str = "conv4-64"
    image_size: int | None = Field(None, ge=1, le=1024)
    options: Table = Field(default_factory=dict)
    task: TaskConfig = TaskConfig()
    pretrain: PretrainConfig = PretrainConfig()
    relation: RelationConfig = RelationConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()

    def training_id(self, fingerprint: str, *code: str, relation: bool = False) -> str:
        """Hash of all that decides the trained parameters: what may be reused, and what may not.

        Args:
            fingerprint: of the data.
            code: hashes of methods and backbones that are not of this package.
            relation: whether the method has a relation network.
        """
        unused = {"evaluate", "benchmark"}
        unused |= set() if self.pretrain.steps else {"pretrain"}
        unused |= set() if relation else {"relation"}
        return digest(self.model_dump(exclude=unused), fingerprint, *self.loss_hashes, *code)

    @property
    def loss_hashes(self) -> list[str]:
        """Of the loss files that this run uses, see :func:`loss_hashes`."""
        pretrain = [self.pretrain.loss] if self.pretrain.steps else []
        return loss_hashes(*self.options.values(), *pretrain)

    def to_toml(self) -> str:
        """The resolved configuration; reading it back gives the same run."""
        import tomli_w

        return tomli_w.dumps(_without_none(self.model_dump()))


def loss_hashes(*settings: object) -> list[str]:
    """SHA-256 of each loss among the settings that may change under its name: files, plug-ins."""
    names = [value for value in settings if isinstance(value, str)]
    files = [Path(name) for name in names if name.endswith(".json")]
    code = [LOSSES.entry(name).code_sha256() for name in names if name in LOSSES]
    return [sha256(file.read_bytes()) for file in files if file.is_file()] + [c for c in code if c]


def resolve(
    overrides: Table, config: Path | None = None, base: Mapping[str, Any] | None = None
) -> RunConfig:
    """Merge all sources of settings.

    Args:
        overrides: nested table of what the user said on the command line.
        config: TOML file.
        base: takes the place of the benchmark's recipe, for instance a checkpoint's configuration.

    Raises:
        ConfigError: a file can't be read, a key is unknown, or a value is out of range.
    """
    user = merge_tables(read_toml(config) if config else {}, overrides)
    for key in ("method", "benchmark"):
        if not isinstance(user.get(key, ""), str):
            raise ConfigError(f"{key} takes a name, not {user[key]!r}")
    names = RunConfig.model_construct(**user)
    recipe: Mapping[str, Any] = read_recipe(names.benchmark, names.method)
    return validated(RunConfig, merge_tables(recipe if base is None else base, user))


def read_recipe(benchmark: str, method: str) -> Table:
    """The documented quick recipe for a method on a benchmark.

    ``recipes/default.toml`` holds what goes for all benchmarks. Sections ``[methods.<name>]`` are
    laid over the rest; a variant ``name[...]`` takes the section of ``name``, then its own.
    """
    tables = [_recipe_file("default"), _recipe_file(benchmark.partition(":")[0])]
    sections = [table.pop("methods", {}) for table in tables]
    family = method.partition("[")[0]
    names = dict.fromkeys((family, method))
    return merge_tables(*tables, *(part.get(name, {}) for name in names for part in sections))


def _recipe_file(name: str) -> Table:
    file = resources.files("fewshot_bench").joinpath("recipes", f"{name}.toml")
    return tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}


def read_toml(path: Path) -> Table:
    """Read a TOML file; raises ConfigError that names it."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} can't be read as TOML: {error}") from error


def parse_setting(text: str) -> Table:
    """``"train.lr=0.01"`` to ``{"train": {"lr": 0.01}}``; a bare word is text."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set takes KEY=VALUE, for instance train.lr=0.01, not {text!r}")
    try:
        parsed: Any = tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    for part in reversed(key.strip().split(".")):
        parsed = {part: parsed}
    return dict(parsed)


def merge_tables(*tables: Mapping[str, Any]) -> Table:
    """Deep merge, later tables winning."""
    out: Table = {}
    for table in tables:
        for key, value in table.items():
            old = out.get(key)
            if isinstance(old, dict) and isinstance(value, Mapping):
                value = merge_tables(old, value)
            out[key] = value
    return out


def validated(model: type[M], table: Mapping[str, Any]) -> M:
    """Build a model; raises ConfigError with the first problem in one line."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"unknown setting {where!r}") from error
        raise ConfigError(f"{where}: {first['msg']}, not {first['input']!r}") from error


def _without_none(table: Table) -> Table:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }
