"""Classifiers on top of features, as the inner loop of a gradient learner begins and moves them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params, kaiming_normal, subset

HEAD = "head"


def init_linear(
    name: str, in_features: int, out_features: int, generator: torch.Generator
) -> Params:
    """Weights with variance 1 / in_features, zero bias."""
    weight = kaiming_normal((out_features, in_features), generator, gain=1.0)
    return {f"{name}.weight": weight, f"{name}.bias": torch.zeros(out_features)}


def linear(params: Params, name: str, x: Tensor) -> Tensor:
    """(B, in) features to (B, out) logits."""
    return F.linear(x, params[f"{name}.weight"], params[f"{name}.bias"])


class Head(ABC):
    """How the classifier of a task begins, and what it says; inner steps move it in between.

    Attributes:
        any_way: whether tasks may have any number of classes.
        sees_support: whether it begins from the features of the support set.
    """

    any_way: ClassVar[bool] = True
    sees_support: ClassVar[bool] = False

    def init(self, features: int, n_way: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """What is learned across tasks: nothing unless a head says otherwise."""
        return {}

    @abstractmethod
    def begin(
        self, params: Params, support: Tensor | None, support_labels: Tensor, n_way: int
    ) -> Params:
        """``head.weight`` (n_way, D) and ``head.bias`` (n_way,) of a new task.

        Args:
            params: the learned parameters.
            support: (S, D) features of the support set before the first inner step; None for a
                head that does not see them.
            support_labels: int64 (S,).
            n_way: number of classes.
        """

    def logits(self, params: Params, features: Tensor) -> Tensor:
        """(B, D) features to (B, n_way) logits, linear unless a head says otherwise."""
        return linear(params, HEAD, features)


class LinearHead(Head):
    """Learned weights for each output, so the number of classes is fixed."""

    any_way: ClassVar[bool] = False

    def init(self, features: int, n_way: int, generator: torch.Generator) -> Params:
        """A linear layer."""
        return init_linear(HEAD, features, n_way, generator)

    def begin(
        self,
        params: Params,
        support: Tensor | None,  # noqa: ARG002
        support_labels: Tensor,  # noqa: ARG002
        n_way: int,
    ) -> Params:
        """The learned weights; raises ConfigError for another number of classes."""
        head = subset(params, HEAD)
        if (outputs := len(head[f"{HEAD}.bias"])) != n_way:
            raise ConfigError(
                f"this learner has a head for {outputs} classes, the episode has"
                f" {n_way}; train.n_way must equal task.n_way"
            )
        return head


@dataclass(frozen=True)
class ConeHead(Head):
    """One learned vector, copied to every class: the order of classes can't matter.

    Ye, Chao: How to Train Your MAML to Excel in Few-Shot Classification, 2021, arXiv 2106.16245.

    A vector that all classes share adds the same number to all logits of an image. Losses that see
    logits through a softmax can't tell: with those the vector gets no gradient, and
    :class:`ZeroHead` is the same method. Learned losses can. Biases begin at zero.

    Attributes:
        learned: without, the vector keeps its random start.
    """

    learned: bool = True

    def init(self, features: int, n_way: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """``cone.weight`` (1, features)."""
        return {"cone.weight": kaiming_normal((1, features), generator, gain=1.0)}

    def begin(
        self,
        params: Params,
        support: Tensor | None,  # noqa: ARG002
        support_labels: Tensor,  # noqa: ARG002
        n_way: int,
    ) -> Params:
        """Copies, through which the meta-gradients of all classes add up; any number will do."""
        cone = params["cone.weight"] if self.learned else params["cone.weight"].detach()
        return {f"{HEAD}.weight": cone.expand(n_way, -1), f"{HEAD}.bias": cone.new_zeros(n_way)}


@dataclass(frozen=True)
class ZeroHead(Head):
    """All weights begin at zero: nothing is learned, and no class is known by its number.

    UNICORN-MAML (Ye, Chao 2021, arXiv 2106.16245) learns one vector and one bias and copies them to
    all classes. What all classes share adds the same to all logits of an image; no softmax
    cross-entropy, inside or outside, sees that, so what is learned there changes no prediction and
    gets no gradient. Zeros are the same method without the idle parameters.

    Attributes:
        features: length of the features.
    """

    features: int

    def begin(
        self,
        params: Params,
        support: Tensor | None,  # noqa: ARG002
        support_labels: Tensor,  # noqa: ARG002
        n_way: int,
    ) -> Params:
        """Zeros, of the type and on the device of the backbone; any number of classes will do."""
        like = next(iter(params.values()))
        weight, bias = like.new_zeros(n_way, self.features), like.new_zeros(n_way)
        return {f"{HEAD}.weight": weight, f"{HEAD}.bias": bias}


def prototypes(features: Tensor, labels: Tensor, n_way: int) -> Tensor:
    """Mean feature of each class.

    Args:
        features: (..., S, D).
        labels: int64 (..., S) in 0 .. n_way - 1, in any order, each class at least once.
        n_way: number of classes.

    Returns:
        (..., n_way, D).
    """
    members = one_hot(labels, n_way, features.dtype)
    return (members.mT @ features) / members.sum(dim=-2).unsqueeze(-1)


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """(..., Q, D) and (..., N, D) to (..., Q, N) squared Euclidean distances, one product."""
    lengths = (y * y).sum(dim=-1).unsqueeze(-2)
    return (x * x).sum(dim=-1, keepdim=True) - 2 * (x @ y.mT) + lengths
