"""Class means that look at each other before they are used.

Ye, Hu, Zhan, Sha: Few-Shot Learning via Embedding Adaptation with Set-to-Set Functions, 2018,
arXiv 1812.03664 (FEAT).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.methods.options import Rate, Weight
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.heads import prototypes, squared_distances
from fewshot_bench.nn.params import Params

NAME = "classifier.attention"


@dataclass(frozen=True)
class SetAttention(Classifier):
    """Negative squared distance to class means after one layer of self-attention, times a scale.

    One head, without dropout: the released code drops half of the output and a tenth of the
    attention in training. The layer's normalisation gives every mean the length sqrt(D) while
    queries keep theirs, so the scale belongs to D.

    Attributes:
        scale: factor of the distances; 1/64 and 1/32 are the authors'.
        normalised: whether the layer ends in a normalisation, as published.
        balance: weight of the contrastive term of training by episodes; the authors' are 0.01 to 1.
        contrast_scale: factor of the distances in that term; 1/16 to 1/64 are the authors'.
    """

    scale: Rate = 1 / 64
    normalised: bool = True
    balance: Weight = 0.0
    contrast_scale: Rate = 1 / 16

    def init(self, features: int, generator: torch.Generator) -> Params:
        """Three maps for query, key and value, the output map, and the normalisation."""

        def matrix(deviation: float) -> Tensor:
            return deviation * torch.randn(features, features, generator=generator)

        params = {f"{NAME}.{name}": matrix(features**-0.5) for name in ("query", "key", "value")}
        params[f"{NAME}.out.weight"] = matrix(features**-0.5)
        params[f"{NAME}.out.bias"] = torch.zeros(features)
        if self.normalised:
            params[f"{NAME}.norm.weight"] = torch.ones(features)
            params[f"{NAME}.norm.bias"] = torch.zeros(features)
        return params

    def __call__(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """(..., Q, N)."""
        means = self.adapt(params, prototypes(support, support_labels, n_way))
        return -self.scale * squared_distances(query, means)

    def regulariser(
        self, params: Params, items: Tensor, labels: Tensor, n_way: int
    ) -> Tensor | None:
        """Cross-entropy of support and queries by centres of their own adapted images."""
        if not self.balance:
            return None
        together = labels.unsqueeze(-1) == labels
        centres = prototypes(self.adapt(params, items, together), labels, n_way)
        logits = -self.contrast_scale * squared_distances(items, centres)
        return self.balance * F.cross_entropy(logits, labels)

    def adapt(self, params: Params, means: Tensor, together: Tensor | None = None) -> Tensor:
        """Class means (..., N, D) to the same shape, in any order of classes alike.

        Args:
            params: holds at least what ``init`` gave.
            means: (..., N, D), or other members of a set.
            together: bool (..., N, N), who looks at whom; None: everyone at all.
        """
        asked, key, value = (
            means @ params[f"{NAME}.{name}"].mT for name in ("query", "key", "value")
        )
        scores = asked @ key.mT / math.sqrt(means.shape[-1])
        if together is not None:
            scores = scores.masked_fill(~together, -torch.inf)
        weights = scores.softmax(dim=-1)
        out = F.linear(weights @ value, params[f"{NAME}.out.weight"], params[f"{NAME}.out.bias"])
        if not self.normalised:
            return means + out
        weight, bias = params[f"{NAME}.norm.weight"], params[f"{NAME}.norm.bias"]
        return F.layer_norm(means + out, weight.shape, weight, bias)
