"""What the classifiers of local descriptors share: classes as sets, and queries in parts."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.maps import descriptors, positions_of
from fewshot_bench.methods.options import Count
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.params import Params

LIMIT = 2**24  # numbers held at a time


def in_parts(scores: Callable[[Tensor], Tensor], query: Tensor, size: int) -> Tensor:
    """``scores`` of all queries, some at a time, so that memory stays bounded.

    Args:
        scores: (..., q, D) to (..., q, N), each query by itself.
        query: (..., Q, D).
        size: numbers that one query takes in every episode together.
    """
    parts = torch.split(query, max(1, LIMIT // max(1, size)), dim=-2)
    return torch.cat([scores(part) for part in parts], dim=-2)


@dataclass(frozen=True)
class MapClassifier(Classifier):
    """A class is the set of all local descriptors of its support.

    Attributes:
        channels: features are maps (channels, height, width) laid flat; None: one position each.
    """

    channels: Count | None = None

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """Nothing; raises ConfigError if D is no multiple of channels."""
        positions_of(features, self.channels)
        return {}

    def __call__(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """(..., Q, N)."""
        items = descriptors(support, self.channels)
        positions = items.shape[-2]
        items = items.flatten(-3, -2)
        labels = support_labels.repeat_interleave(positions, dim=-1)

        def scores(part: Tensor) -> Tensor:
            queries = descriptors(part, self.channels)
            return self.scores(params, items, labels, queries, n_way)

        return in_parts(scores, query, items.shape[:-1].numel() * positions * n_way)

    @abstractmethod
    def scores(
        self, params: Params, items: Tensor, labels: Tensor, queries: Tensor, n_way: int
    ) -> Tensor:
        """Logits (..., q, N) from local descriptors.

        Args:
            params: holds at least what ``init`` gave.
            items: (..., S P, C) of the support, P positions each.
            labels: int64 (..., S P).
            queries: (..., q, P, C).
            n_way: number of classes.
        """


def of_classes(similarity: Tensor, labels: Tensor, n_way: int) -> Tensor:
    """(..., q, P, S P) to (..., q, N, P, S P), minus infinity at descriptors of other classes."""
    other = labels.unsqueeze(-2) != torch.arange(n_way, device=labels.device).unsqueeze(-1)
    return similarity.unsqueeze(-3).masked_fill(other[..., None, :, None, :], -torch.inf)
