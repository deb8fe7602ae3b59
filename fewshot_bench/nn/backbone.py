"""A backbone is a chain of stages, each a pure function of the flat parameter dict.

Stages are what methods speak about: an inner loop that adapts only the last one runs the others
once per episode, and warp or FiLM layers go between them. A stage declares the role of each of its
parameters, so that nobody has to guess it from a name or a shape.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from fewshot_bench.nn.norm import NormMode, NormPolicy
from fewshot_bench.nn.params import Params, Role, Roles, merge
from fewshot_bench.registry import BACKBONES

FEATURES = "features"  # the backbone of data that are features already


class Stage(Protocol):
    """One block of layers.

    ``name`` is the prefix of its parameters, for instance ``backbone.block1``. Most stages take
    what is the same for nearly all from :class:`PlainStage`.
    """

    @property
    def name(self) -> str:
        """Prefix of this stage's parameters."""
        ...

    @property
    def out_channels(self) -> int:
        """Channels of the activations it returns."""
        ...

    @property
    def frozen(self) -> bool:
        """Whether all training leaves its parameters as they were given."""
        ...

    @property
    def mixes_queries(self) -> bool:
        """Whether images of one batch see each other, by other ways than normalisation."""
        ...

    def roles(self) -> Roles:
        """The role of each learned parameter, by name."""
        ...

    def init(self, generator: torch.Generator) -> Params:
        """Initial parameters and buffers."""
        ...

    def task_params(self, params: Params) -> Params:
        """Parameters that every task begins anew, for instance a context of zeros."""
        ...

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:
        """Apply to (B, C, H, W) activations."""
        ...


class PlainStage:
    """A stage that trains, treats each image by itself and has no parameters of a task's own."""

    @property
    def frozen(self) -> bool:
        """It trains."""
        return False

    @property
    def mixes_queries(self) -> bool:
        """Each image by itself."""
        return False

    def task_params(self, params: Params) -> Params:  # noqa: ARG002
        """None."""
        return {}


@dataclass(frozen=True)
class StageWrapper:
    """A stage around a stage: all is the inner one's but what a subclass says.

    Attributes:
        stage: what is wrapped.
    """

    stage: Stage

    @property
    def name(self) -> str:
        """Of the stage."""
        return self.stage.name

    @property
    def out_channels(self) -> int:
        """Of the stage."""
        return self.stage.out_channels

    @property
    def frozen(self) -> bool:
        """Of the stage."""
        return self.stage.frozen

    @property
    def mixes_queries(self) -> bool:
        """Of the stage."""
        return self.stage.mixes_queries

    def roles(self) -> Roles:
        """Of the stage."""
        return self.stage.roles()

    def init(self, generator: torch.Generator) -> Params:
        """Of the stage."""
        return self.stage.init(generator)

    def task_params(self, params: Params) -> Params:
        """Of the stage."""
        return self.stage.task_params(params)

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:
        """Apply the stage."""
        return self.stage(params, x, mode)


class Frozen(StageWrapper):
    """A stage that stays as it was given; its normalisation uses running averages in training too.

    What leaves a chain of frozen stages depends on the image alone, so it may be computed once.
    """

    @property
    def frozen(self) -> bool:
        """It does not train."""
        return True

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:  # noqa: ARG002
        """Apply the stage as it is at test."""
        return self.stage(params, x, NormMode(training=False))


@dataclass(frozen=True)
class Backbone:
    """Images to features.

    Attributes:
        stages: in order.
        feature_dim: length of the flattened features.
        pool: average the last activations over the image; otherwise they are flattened.
    """

    stages: tuple[Stage, ...]
    feature_dim: int
    pool: bool

    def init(self, generator: torch.Generator) -> Params:
        """Initial parameters of all stages."""
        return merge(stage.init(generator) for stage in self.stages)

    def roles(self) -> Roles:
        """The role of each learned parameter, by name."""
        return {name: role for stage in self.stages for name, role in stage.roles().items()}

    def named(self, *roles: Role) -> frozenset[str]:
        """Names of the parameters that have one of these roles."""
        return frozenset(name for name, role in self.roles().items() if role in roles)

    def task_params(self, params: Params) -> Params:
        """Parameters that every task begins anew."""
        return merge(stage.task_params(params) for stage in self.stages)

    @property
    def mixes_queries(self) -> bool:
        """Whether images of one batch see each other, by other ways than normalisation."""
        return any(stage.mixes_queries for stage in self.stages)

    @property
    def frozen(self) -> int:
        """How many of the first stages stay as they were given."""
        trained = (i for i, stage in enumerate(self.stages) if not stage.frozen)
        return next(trained, len(self.stages))

    def __call__(
        self, params: Params, x: Tensor, mode: NormMode, first: int = 0, last: int | None = None
    ) -> Tensor:
        """Run stages first, ..., last - 1; after the final one return features.

        Args:
            params: flat dict, other names are ignored.
            x: (B, C, H, W) images, or the activations that enter stage ``first``.
            mode: behaviour of normalisation layers.
            first: index of the first stage to run.
            last: index after the last one; None runs to the end and returns features.

        Returns:
            (B, feature_dim) features, or (B, C', H', W') activations if ``last`` is given.
        """
        for stage in self.stages[first:last]:
            x = stage(params, x, mode)
        if last is not None:
            return x
        return x.mean(dim=(2, 3)) if self.pool else x.flatten(1)

    def wrapped(self, wrap: Callable[[Stage], Stage]) -> "Backbone":
        """The backbone with every stage replaced by ``wrap(stage)`` of the same shape."""
        return dataclasses.replace(self, stages=tuple(wrap(stage) for stage in self.stages))


@dataclass(frozen=True)
class ImageShape:
    """Shape of the images a backbone will see: channels and side in pixels."""

    channels: int
    size: int


@dataclass(frozen=True)
class BackboneChoice:
    """A backbone of another library, and which weights it has.

    Attributes:
        name: ``torchvision:NAME``, ``timm:NAME`` or ``module:PACKAGE:MAKE``.
        weights: path of a file, or ``default``; "" for random ones, or those a module comes with.
        input_size: side that images are resized to; None for what the weights' record says.
        trained: whether a stage before goes on training the weights.
    """

    name: str
    weights: str = ""
    input_size: int | None = None
    trained: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def is_given(self) -> bool:
        """Whether it has weights that this suite did not train."""
        return bool(self.weights) or self.name.startswith("module:")


def is_given(backbone: "str | BackboneChoice") -> bool:
    """Whether features need no training of this suite: weights from elsewhere, or features."""
    return backbone == FEATURES or (isinstance(backbone, BackboneChoice) and backbone.is_given)


class BackboneFactory(Protocol):
    """What the backbone registry holds."""

    def __call__(
        self, image: ImageShape, *, bn: NormPolicy, n_steps: int, **options: object
    ) -> Backbone:
        """Make the backbone for images of this shape."""
        ...


def build_backbone(
    backbone: str | BackboneChoice,
    image: ImageShape,
    *,
    bn: NormPolicy = "batch",
    n_steps: int = 1,
    trains: bool = True,
) -> Backbone:
    """Make a registered backbone.

    Args:
        backbone: registered name, for instance ``conv4-64``, or a name with weights.
        image: shape of the images.
        bn: see :mod:`fewshot_bench.nn.norm`.
        n_steps: rows of ``per_step`` statistics.
        trains: whether the caller trains it. If nobody does, weights from elsewhere are kept in
            the backbone and are no parameters.

    Raises:
        ConfigError: unknown name, or images too small for it.
    """
    entry = BACKBONES.entry(str(backbone))
    factory: BackboneFactory = entry.load()
    options = dict(entry.options)
    if isinstance(backbone, BackboneChoice):
        fixed = backbone.is_given and not trains and not backbone.trained
        options |= {"weights": backbone.weights, "input_size": backbone.input_size, "fixed": fixed}
    return factory(image, bn=bn, n_steps=n_steps, **options)
