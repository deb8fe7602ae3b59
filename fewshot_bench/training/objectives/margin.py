"""Losses with a margin below zero: the true class is given an advantage, so it need not win by far.

Liu et al.: Negative Margin Matters: Understanding Margin in Few-shot Classification, 2020, arXiv
2003.12060. Features then tell the training classes apart less well, and new classes better.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.nn.algebra import cosines
from fewshot_bench.nn.heads import HEAD
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params, kaiming_normal
from fewshot_bench.training.objectives.base import Criterion, Objective

WEIGHT = f"{HEAD}.weight"


@dataclass(frozen=True)
class CosineMargin(Objective):
    """``scale * (cos(x, w_k) - margin [k is the true class])``: Neg-Cosine.

    Attributes:
        scale: factor of the cosines.
        margin: taken from the true class in training; 0 is a cosine softmax, above 0 is CosFace.
            The authors take -0.02 for 1-shot and -0.01 for 5-shot tests on mini-ImageNet.
    """

    scale: float = 30.0
    margin: float = -0.02

    def init(self, features: int, n_classes: int, generator: torch.Generator) -> Params:
        """``head.weight`` (C, D)."""
        return {WEIGHT: kaiming_normal((n_classes, features), generator, gain=1.0)}

    def logits(self, params: Params, features: Tensor) -> Tensor:
        """(B, C), without the margin."""
        return self.scale * self.scores(params[WEIGHT], features)

    def scores(self, weight: Tensor, features: Tensor) -> Tensor:
        """(C, D) weights and (B, D) features to (B, C), which the margin is measured in."""
        return cosines(features, weight)

    def loss(
        self, params: Params, features: Tensor, labels: Tensor, criterion: Criterion
    ) -> Tensor:
        """Of the logits after the margin."""
        logits = self.logits(params, features)
        true = one_hot(labels, logits.shape[-1], logits.dtype)
        return criterion(logits - self.scale * self.margin * true, labels)


@dataclass(frozen=True)
class LinearMargin(CosineMargin):
    """``scale * (w_k . x - margin [k is the true class])``: Neg-Softmax.

    The released code also subtracts the smallest logit of an image, which no softmax sees.

    Attributes:
        scale: factor of the logits.
        margin: taken from the true class in training.
    """

    scale: float = 10.0
    margin: float = -0.01

    def scores(self, weight: Tensor, features: Tensor) -> Tensor:
        """See :meth:`CosineMargin.scores`."""
        return features @ weight.T
