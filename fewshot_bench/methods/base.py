"""The contract of everything that can be measured: what training and evaluation know of a method.

A method is pure functions over one flat dict of parameters. What it can do stands in its
:class:`Traits`; what it need not say has a default here. Nothing is found out by looking for an
attribute, so a wrapper can't lose anything: it derives from
:class:`fewshot_bench.methods.delegating.Delegating`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.methods.trunk import Trunk
from fewshot_bench.nn.backbone import BackboneChoice, ImageShape
from fewshot_bench.nn.params import Params

Setting = Literal["inductive", "transductive_bn", "transductive"]


@dataclass(frozen=True)
class Setup:
    """What a method is built for.

    Attributes:
        backbone: registered name, or a name with weights; :func:`build_backbone` takes both.
        image: shape of the images.
        n_way: classes per test episode, for heads of fixed size.
    """

    backbone: str | BackboneChoice
    image: ImageShape
    n_way: int


@dataclass(frozen=True)
class Traits:
    """What a method is, for those who run it.

    Attributes:
        setting: whether the prediction for one query may depend on the other queries.
            ``inductive``: it may not. ``transductive_bn``: through batch statistics only.
            ``transductive``: by design.
        ways: classes of every episode, in training too; None where any number will do.
        trains: whether there is a meta-training by episodes. Without one a method measures what
            its stages made, and may have no parameters at all.
        maps: whether ``torch.func.vmap`` over the tasks of a batch gives what one task after
            another gives. False where an episode draws random numbers or decides by the value of
            a tensor.
        small_inner_step: whether tasks are so small that such a map pays on a CPU.
        stages: trainings that must have been before, for instance ``("classify",)``.
        told_counts: whether it is told, or takes for granted, how many queries each class has.
    """

    setting: Setting
    ways: int | None = None
    trains: bool = True
    maps: bool = False
    small_inner_step: bool = False
    stages: tuple[str, ...] = ()
    told_counts: bool = False


class Objective(NamedTuple):
    """What an episode teaches.

    Attributes:
        loss: scalar, differentiable in the parameters.
        statistics: of the batch, to blend into running averages (see
            :func:`fewshot_bench.nn.norm.blend`); empty where there are none.
    """

    loss: Tensor
    statistics: Mapping[str, Tensor] = MappingProxyType({})


class FewShotMethod(ABC):
    """A few-shot learner: pure functions over one flat dict of parameters."""

    @property
    @abstractmethod
    def traits(self) -> Traits:
        """What it is; the same for the whole life of the object."""

    @abstractmethod
    def init(self, generator: torch.Generator) -> Params:
        """All parameters and buffers, float32 on the CPU; {} for a method without any."""

    @abstractmethod
    def episode_loss(self, params: Params, episode: Episode) -> Objective:
        """Meta-objective of one episode, whose query labels are given."""

    @abstractmethod
    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Query logits (Q, n_way), log-probabilities up to a number per query.

        ``episode.query_labels`` is None, and queries come in no particular order.
        """

    def at(self, progress: float) -> "FewShotMethod":  # noqa: ARG002
        """The method as it is trained when this share of the outer steps is done, in [0, 1).

        Parameters and predictions are the same at any time; only ``episode_loss`` may differ.
        """
        return self

    def frozen(self, name: str) -> bool:  # noqa: ARG002
        """Whether meta-training leaves this parameter as it was given."""
        return False

    def trunk(self) -> Trunk | None:
        """Leading stages that may be run once per image; None where there are none."""
        return None

    def parts(self) -> Mapping[str, "FewShotMethod"]:
        """Methods trained by episodes before this one; part NAME has the parameters ``NAME.*``."""
        return {}

    def finish(self, params: Params, images: Iterable[Tensor]) -> Params:  # noqa: ARG002
        """Buffers that follow from the trained parameters and the training images.

        Called once after training; what it gives is stored with the parameters.

        Args:
            params: the trained parameters.
            images: normalised training images (B, C, H, W), batch by batch, in a fixed order.
        """
        return {}


class EmbeddingMethod(FewShotMethod):
    """A method whose prediction needs only an embedding of each image by itself.

    Evaluation then embeds every image of the test split once, instead of once per episode.
    """

    @abstractmethod
    def embed(self, params: Params, images: Tensor) -> Tensor:
        """(B, C, H, W) images to (B, D) features that do not depend on the rest of the batch."""

    @abstractmethod
    def classify(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """Query logits (..., Q, n_way).

        Args:
            params: the parameters.
            support: (..., S, D) features; leading dimensions, if any, are those of episodes.
            support_labels: int64 (..., S).
            query: (..., Q, D) features.
            n_way: number of classes.
        """

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Query logits (Q, n_way)."""
        support, query = self.embed(params, episode.support), self.embed(params, episode.query)
        return self.classify(params, support, episode.support_labels, query, episode.n_way)
