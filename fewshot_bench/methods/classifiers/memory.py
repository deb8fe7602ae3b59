"""Weights over the support items: attention (MatchingNet), cache (Tip-Adapter), neighbours."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fewshot_bench.methods.classifiers.scale import init_scale, scale_of
from fewshot_bench.methods.options import Count, Rate
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.algebra import cosines, largest, logsumexp_by_class
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Memory(Classifier):
    """Log of the sum or mean, over the items of a class, of ``exp(scale * (cosine - 1))``.

    With sums, a softmax of the logits is the attention of MatchingNet over support items (Vinyals
    et al. 2016, arXiv 1606.04080), and a class with more shots is favoured. With means it is the
    cache of Tip-Adapter without text, beta = scale (Zhang et al. 2022, arXiv 2207.09519).

    Attributes:
        scale: factor of the cosines; at 1 all classes look nearly alike.
        learned: whether the factor is a parameter, which starts there.
        over_class: how items of one class are put together.
        rectified: count negative cosines as 0, as the code of Chen et al. 2019 (arXiv 1904.04232)
            does with scale 100.
    """

    scale: Rate = 10.0
    learned: bool = False
    over_class: Literal["sum", "mean"] = "sum"
    rectified: bool = False

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """The scale, where it is learned."""
        return init_scale(self.scale, self.learned)

    def __call__(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """(..., Q, N)."""
        similarity = cosines(query, support)
        if self.rectified:
            similarity = similarity.relu()
        scores = scale_of(params, self.scale) * (similarity - 1)
        logits = logsumexp_by_class(scores, support_labels, n_way)
        if self.over_class == "sum":
            return logits
        return logits - one_hot(support_labels, n_way, query.dtype).sum(dim=-2, keepdim=True).log()


@dataclass(frozen=True)
class Neighbours(Classifier):
    """Log of the shares of classes among the k items of largest cosine, weighted by a softmax.

    As DINOv2 evaluates features (Oquab et al. 2023, arXiv 2304.07193), but with the softmax over
    the k items that count. Items that equal the k-th in cosine count, too, so their order can't
    matter. A class that is not among them gets the logarithm of the smallest normal number.

    Attributes:
        k: number of neighbours; None: as many as the smallest class has shots, in each episode.
        temperature: divisor of the cosines.
    """

    k: Count | None = None
    temperature: Rate = 0.07

    def __call__(
        self,
        params: Params,  # noqa: ARG002
        support: Tensor,
        support_labels: Tensor,
        query: Tensor,
        n_way: int,
    ) -> Tensor:
        """(..., Q, N)."""
        similarity = cosines(query, support)
        scores = similarity / self.temperature
        if self.k is None:
            shots = one_hot(support_labels, n_way, support.dtype).sum(dim=-2).amin(dim=-1).long()
            rank = (shots - 1)[..., None, None].expand(*similarity.shape[:-1], 1)
            counts = similarity >= similarity.sort(descending=True).values.gather(-1, rank)
        else:
            counts = largest(similarity, self.k)
        scores = scores.masked_fill(~counts, -torch.inf)
        logits = logsumexp_by_class(scores, support_labels, n_way).log_softmax(dim=-1)
        return logits.clamp(min=math.log(torch.finfo(logits.dtype).tiny))
