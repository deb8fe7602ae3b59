"""What training and evaluation know of a method, and how one is made from its name."""

import inspect
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import pydantic
import torch
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.errors import ConfigError, one_line
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.nn.params import Params
from fewshot_bench.registry import METHODS

Setting = Literal["inductive", "transductive_bn", "transductive"]


@dataclass(frozen=True)
class Setup:
    """What a method is built for.

    Attributes:
        backbone: registered name.
        image: shape of the images.
        n_way: classes per test episode, for heads of fixed size.
    """

    backbone: str
    image: ImageShape
    n_way: int


class FewShotMethod(Protocol):
    """A few-shot learner: pure functions over one flat dict of meta-parameters."""

    @property
    def setting(self) -> Setting:
        """Whether the prediction for one query may depend on the other queries.

        ``inductive``: it may not. ``transductive_bn``: through batch statistics only.
        ``transductive``: by design.
        """
        ...

    def init(self, generator: torch.Generator) -> Params:
        """All meta-parameters and buffers, float32 on the CPU."""
        ...

    def episode_loss(self, params: Params, episode: Episode) -> tuple[Tensor, Params]:
        """Meta-objective of one episode.

        Returns:
            The scalar loss, differentiable in params; and batch statistics to blend into the
            running averages (see :func:`fewshot_bench.nn.norm.blend`), {} where there are none.
        """
        ...

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Query logits (Q, n_way); must work with ``episode.query_labels`` None."""
        ...


@runtime_checkable
class EmbeddingMethod(Protocol):
    """A method whose prediction needs only a fixed embedding of each image.

    Evaluation then embeds every image of the test split once, instead of once per episode.
    """

    def embed(self, params: Params, images: Tensor) -> Tensor:
        """(B, C, H, W) images to (B, D) features that do not depend on the rest of the batch."""
        ...

    def classify(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """Features (S, D) with labels (S,) and features (Q, D) to logits (Q, n_way)."""
        ...


@runtime_checkable
class ScheduledMethod(Protocol):
    """A method whose meta-objective changes during training."""

    def at(self, progress: float) -> FewShotMethod:
        """The method when this share of the outer steps is done, in [0, 1).

        Parameters and predictions are the same at any time; only ``episode_loss`` may differ.
        """
        ...


@runtime_checkable
class PreparedMethod(Protocol):
    """A method that goes on from parameters trained before it, some of which stay as they are."""

    @property
    def relation_network(self) -> FewShotMethod | None:
        """Trained first, by itself; None where there is none."""
        ...

    def frozen(self, name: str) -> bool:
        """Whether the outer loop leaves this parameter alone."""
        ...


@runtime_checkable
class FixedWays(Protocol):
    """A method that may be for one number of classes."""

    @property
    def ways(self) -> int | None:
        """Classes of every episode, in training too; None where any number will do."""
        ...


@runtime_checkable
class MappedMethod(Protocol):
    """A method that says whether ``torch.func.vmap`` can run it over the tasks of a batch.

    If it has a true ``light``, too, its tasks are so small that a map pays on a CPU.
    """

    @property
    def maps(self) -> bool:
        """False where an episode draws random numbers or decides by the value of a tensor."""
        ...


def maps_over_tasks(method: FewShotMethod) -> bool:
    """Whether a map over tasks gives what one task after another gives."""
    return isinstance(method, MappedMethod) and method.maps


def runs_light(method: FewShotMethod) -> bool:
    """Whether a map over tasks pays on a CPU."""
    return bool(getattr(method, "light", False))


def ways_of(method: FewShotMethod) -> int | None:
    """Classes of every episode of this method; None where any number will do."""
    return method.ways if isinstance(method, FixedWays) else None


def frozen_in(method: FewShotMethod, name: str) -> bool:
    """Whether the outer loop of this method leaves a parameter alone."""
    return isinstance(method, PreparedMethod) and method.frozen(name)


def at_progress(method: FewShotMethod, progress: float) -> FewShotMethod:
    """The method as it is trained when this share of the outer steps is done."""
    return method.at(progress) if isinstance(method, ScheduledMethod) else method


def resolve_options(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """All options of a method with their values: defaults, the variant's own, the user's.

    Raises:
        ConfigError: unknown method, unknown option (with the known ones) or a wrong value.
    """
    entry = METHODS.entry(name)
    given = {**entry.options, **options}
    parameters = _option_parameters(entry.load())
    if unknown := sorted(set(given) - set(parameters)):
        known = ", ".join(parameters) or "none"
        raise ConfigError(f"{name} has no option {unknown[0]!r}; its options are: {known}")
    fields: dict[str, Any] = {
        key: (
            Any if p.annotation is p.empty else p.annotation,
            ... if p.default is p.empty else p.default,
        )
        for key, p in parameters.items()
    }
    try:
        model = pydantic.create_model("Options", __config__={"strict": False}, **fields)
        resolved: dict[str, Any] = model(**given).model_dump()
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{name} option {first['loc'][0]}: {first['msg']}") from error
    except pydantic.errors.PydanticUserError as error:
        reason = one_line(str(error).partition(".")[0])
        raise ConfigError(f"{name} has an option that no setting can give: {reason}") from error
    return resolved


def build_method(name: str, setup: Setup, options: dict[str, Any] | None = None) -> FewShotMethod:
    """Make a registered method.

    Args:
        name: registered name.
        setup: backbone, image shape and number of classes.
        options: keyword arguments of the method, checked against its signature.

    Raises:
        ConfigError: unknown name, impossible options, or an object that is no method.
    """
    factory = METHODS.load(name)
    method: FewShotMethod = factory(setup, **resolve_options(name, options or {}))
    for function in ("init", "episode_loss", "predict"):
        if not callable(getattr(method, function, None)):
            raise ConfigError(f"method {name} lacks the function {function!r}")
    if (setting := getattr(method, "setting", None)) not in get_args(Setting):
        known = ", ".join(get_args(Setting))
        raise ConfigError(f"method {name} needs an attribute setting: {known}; not {setting!r}")
    return method


def _option_parameters(factory: Any) -> dict[str, inspect.Parameter]:
    """Keyword parameters of a method factory; the first parameter is the setup."""
    try:
        signature = inspect.signature(factory, eval_str=True)
    except NameError as error:
        raise ConfigError(f"an annotation of {factory} can't be understood: {error}") from error
    parameters = list(signature.parameters.values())[1:]
    if vague := [p.name for p in parameters if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]:
        raise ConfigError(f"{factory} must name its options one by one, in place of {vague[0]!r}")
    return {p.name: p for p in parameters}
