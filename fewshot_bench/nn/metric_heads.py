"""Heads that begin at the class means of the support set, and a head that compares directions."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.nn.algebra import unit
from fewshot_bench.nn.heads import (
    HEAD,
    Head,
    LinearHead,
    linear,
    prototypes,
    squared_distances,
)
from fewshot_bench.nn.params import Params

TEMPERATURE = "prototypes.log_temperature"
SCALE = "cosine.log_scale"


@dataclass(frozen=True)
class PrototypeHead(Head):
    """A linear head that begins as nearest class mean.

    Triantafillou et al.: Meta-Dataset, 2019, arXiv 1903.03096 (Proto-MAML). With prototypes mu the
    weights 2 mu and biases -|mu|^2 give the logits -|x - mu|^2 up to a number that all classes
    share. Meta-gradients flow through the means into the backbone. Nothing knows a class by its
    number, so any number of classes will do.

    Attributes:
        scale_free: divide distances by the mean squared distance between the class means (a
            constant of the meta-gradient), and learn a temperature that starts at 1. Then the same
            rates suit features of any length. Without, distances are taken as they are, as in the
            paper.
    """

    scale_free: bool = False

    sees_support: ClassVar[bool] = True

    def init(self, features: int, n_way: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """The logarithm of the temperature, if there is one."""
        return {TEMPERATURE: torch.zeros(())} if self.scale_free else {}

    def begin(
        self, params: Params, support: Tensor | None, support_labels: Tensor, n_way: int
    ) -> Params:
        """Weights and biases of nearest class mean."""
        if support is None:
            raise ValueError("this head begins from the features of the support set")
        means = prototypes(support, support_labels, n_way)
        scale = self._scale(params, means)
        bias = -means.square().sum(dim=1)
        return {f"{HEAD}.weight": 2 * scale * means, f"{HEAD}.bias": scale * bias}

    def _scale(self, params: Params, means: Tensor) -> Tensor:
        if not self.scale_free:
            return means.new_ones(())
        n_way = len(means)
        apart = squared_distances(means, means).detach().sum() / (n_way * (n_way - 1))
        return (-params[TEMPERATURE]).exp() / apart.clamp(min=torch.finfo(means.dtype).tiny)


@dataclass(frozen=True)
class CosinePrototypeHead(Head):
    """A linear head on features of length 1 that begins as the cosine to the class means.

    Dhillon et al.: A Baseline for Few-Shot Image Classification, 2019, arXiv 1909.02729
    ("support-based initialisation"), where the scale is 1. The means are taken first and brought to
    length 1 then; weights keep that length only until the first step.

    Attributes:
        scale: factor of the cosines. With 1 probabilities stay near uniform; 10 is the custom.
    """

    scale: float = 10.0

    sees_support: ClassVar[bool] = True

    def begin(
        self,
        params: Params,  # noqa: ARG002
        support: Tensor | None,
        support_labels: Tensor,
        n_way: int,
    ) -> Params:
        """Directions of the class means, and biases of zero."""
        if support is None:
            raise ValueError("this head begins from the features of the support set")
        weight = unit(prototypes(support, support_labels, n_way))
        return {f"{HEAD}.weight": weight, f"{HEAD}.bias": weight.new_zeros(n_way)}

    def logits(self, params: Params, features: Tensor) -> Tensor:
        """(B, D) features to (B, n_way) logits."""
        return self.scale * linear(params, HEAD, unit(features))


@dataclass(frozen=True)
class CosineHead(LinearHead):
    """Learned weights for each output, compared with the features by direction only.

    Chen et al.: A Closer Look at Few-shot Classification, 2019, arXiv 1904.04232 (Baseline++). The
    logits are scale * cos(x, w) + bias, with a learned scale.

    Attributes:
        scale: where the scale starts.
    """

    scale: float = 10.0

    def init(self, features: int, n_way: int, generator: torch.Generator) -> Params:
        """A linear layer and the logarithm of the scale."""
        start = torch.tensor(math.log(self.scale))
        return super().init(features, n_way, generator) | {SCALE: start}

    def logits(self, params: Params, features: Tensor) -> Tensor:
        """(B, D) features to (B, n_way) logits."""
        weight = F.normalize(params[f"{HEAD}.weight"], dim=1)
        cosines = F.normalize(features, dim=1) @ weight.T
        return params[SCALE].exp() * cosines + params[f"{HEAD}.bias"]
