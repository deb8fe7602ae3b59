"""What a refiner is given: support and queries of a batch of episodes."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from fewshot_bench.nn.labels import one_hot


class Sets(NamedTuple):
    """Support and queries of a batch of episodes.

    Attributes:
        support: (..., S, D).
        y: (..., S, N) one-hot labels.
        query: (..., Q, D).
    """

    support: Tensor
    y: Tensor
    query: Tensor

    @classmethod
    def of(cls, support: Tensor, labels: Tensor, query: Tensor, n_way: int) -> "Sets":
        """From labels int64 (..., S) in 0 .. n_way - 1."""
        return cls(support, one_hot(labels, n_way, support.dtype), query)

    @property
    def n_way(self) -> int:
        """Number of classes."""
        return self.y.shape[-1]

    @property
    def n_query(self) -> int:
        """Queries of each episode."""
        return self.query.shape[-2]

    @property
    def items(self) -> Tensor:
        """Support, then queries (..., S + Q, D)."""
        return torch.cat([self.support, self.query], dim=-2)

    @property
    def counts(self) -> Tensor:
        """Shots of each class (..., N, 1)."""
        return self.y.sum(dim=-2).unsqueeze(-1)

    @property
    def means(self) -> Tensor:
        """Class means of the support (..., N, D)."""
        return (self.y.mT @ self.support) / self.counts

    def detach(self) -> "Sets":
        """The same without a way back for gradients."""
        return self._replace(support=self.support.detach(), query=self.query.detach())

    def soft_means(self, shares: Tensor) -> Tensor:
        """Class means (..., N, D) of the support and of queries with shares (..., Q, N)."""
        total = self.counts + shares.sum(dim=-2).unsqueeze(-1)
        return (self.y.mT @ self.support + shares.mT @ self.query) / total

    def scores(self, scale: float) -> Callable[[Tensor], Tensor]:
        """Negative squared distances (..., Q, N) of queries to given means, times the scale."""
        lengths = self.query.square().sum(dim=-1, keepdim=True)

        def found(means: Tensor) -> Tensor:
            inner = (means @ self.query.mT).mT  # classes first: twice as fast for few of them
            return -scale * (lengths - 2 * inner + means.square().sum(dim=-1).unsqueeze(-2))

        return found
