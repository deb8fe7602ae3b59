"""The loop of all refiners that move class means: score, assign, update."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from fewshot_bench.nn.algebra import span_basis
from fewshot_bench.nn.labels import one_hot

Scores = Callable[[Tensor], Tensor]
Assign = Callable[[Tensor, Tensor | None], Tensor]
Update = Callable[[Tensor, Tensor], Tensor]


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

    @property
    def counts(self) -> Tensor:
        """Shots of each class (..., N, 1)."""
        return self.y.sum(dim=-2).unsqueeze(-1)

    @property
    def means(self) -> Tensor:
        """Class means of the support (..., N, D)."""
        return (self.y.mT @ self.support) / self.counts

    def soft_means(self, shares: Tensor) -> Tensor:
        """Class means (..., N, D) of the support and of queries with shares (..., Q, N)."""
        total = self.counts + shares.sum(dim=-2).unsqueeze(-1)
        return (self.y.mT @ self.support + shares.mT @ self.query) / total

    def scores(self, scale: float) -> Scores:
        """Negative squared distances (..., Q, N) of queries to given means, times the scale."""
        lengths = self.query.square().sum(dim=-1, keepdim=True)

        def found(means: Tensor) -> Tensor:
            inner = (means @ self.query.mT).mT  # classes first: twice as fast for few of them
            return -scale * (lengths - 2 * inner + means.square().sum(dim=-1).unsqueeze(-2))

        return found


def sets_of(support: Tensor, labels: Tensor, query: Tensor, n_way: int) -> Sets:
    """What a refiner is given, with labels one-hot."""
    return Sets(support, one_hot(labels, n_way, support.dtype), query)


def in_span(sets: Sets) -> Sets:
    """The same episodes in S + Q coordinates, where that is fewer than D: no distance changes.

    The basis counts as a constant, which leaves first derivatives as they are: the part of a change
    that leaves the span changes no inner product of items to first order.
    """
    items = torch.cat([sets.support, sets.query], dim=-2)
    if items.shape[-2] >= items.shape[-1]:
        return sets
    basis = span_basis(items.detach())
    return sets._replace(support=sets.support @ basis, query=sets.query @ basis)


def alternate(
    means: Tensor, scores: Scores, assign: Assign, update: Update, steps: int
) -> tuple[Tensor, Tensor | None]:
    """``steps`` times: assign queries by their scores, then update the means.

    Args:
        means: (..., N, D) to start from.
        scores: means to (..., Q, N).
        assign: scores and the log-assignments before (None at first) to log-assignments.
        update: means and assignments (..., Q, N) to new means.
        steps: rounds.

    Returns:
        The last means, and the log-assignments that led to them (None after no step).
    """
    log_shares: Tensor | None = None
    for _ in range(steps):
        log_shares = assign(scores(means), log_shares)
        means = update(means, log_shares.exp())
    return means, log_shares


def log_of(shares: Tensor) -> Tensor:
    """Logarithm of numbers >= 0 as shares of their sum over classes; zero counts as tiny."""
    return shares.clamp(min=torch.finfo(shares.dtype).tiny).log().log_softmax(dim=-1)
