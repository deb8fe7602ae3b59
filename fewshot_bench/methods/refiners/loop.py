"""The loop of all refiners that move class means: score, assign, update."""

from collections.abc import Callable

import torch
from torch import Tensor

from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.algebra import span_basis

Scores = Callable[[Tensor], Tensor]
Assign = Callable[[Tensor, Tensor | None], Tensor]
Update = Callable[[Tensor, Tensor], Tensor]


def in_span(sets: Sets) -> Sets:
    """The same episodes in S + Q coordinates, where that is fewer than D: no distance changes.

    The basis counts as a constant, which leaves first derivatives as they are: the part of a change
    that leaves the span changes no inner product of items to first order.
    """
    items = sets.items
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
