"""How the assignments of queries depend on each other: four couplings of scores (..., Q, N).

Each gives log-assignments (..., Q, N) whose exponentials sum to 1 over classes. Without coupling
they are those of :func:`none`.
"""

import torch
from torch import Tensor


def none(scores: Tensor, before: Tensor | None = None) -> Tensor:  # noqa: ARG001
    """Every query for itself.

    Along an axis that is not the last one a softmax over few classes is some ten times as fast.
    """
    return scores.mT.log_softmax(dim=-2).mT


def marginal(scores: Tensor, log_marginal: Tensor, beta: float) -> Tensor:
    """Classes gain ``beta`` times the logarithm of what they have: above 0 large ones, below 0
    small ones.

    Args:
        scores: (..., Q, N).
        log_marginal: (..., 1, N), up to a constant.
        beta: strength.
    """
    return none(scores + beta * log_marginal)


def neighbours(scores: Tensor, graph: Tensor, strength: float, steps: int) -> Tensor:
    """Queries follow their neighbours: fixed-point steps of ``softmax(scores + strength A U)``.

    Args:
        scores: (..., Q, N).
        graph: (..., Q, Q) weights of neighbours.
        strength: weight of the neighbours.
        steps: how many; 0 gives the softmax of the scores.
    """
    log_shares = none(scores)
    for _ in range(steps):
        log_shares = none(scores + strength * (graph @ log_shares.exp()))
    return log_shares


def sinkhorn(
    scores: Tensor,
    columns: Tensor,
    counted: Tensor | None = None,
    tolerance: float = 1e-8,
    limit: int = 1000,
) -> Tensor:
    """The assignments closest to ``exp(scores)`` that give each class its number of queries.

    Args:
        scores: (..., Q, N).
        columns: (..., 1, N) queries of each class, above 0; they sum to the number that is counted.
        counted: (..., Q, 1), the queries that the columns are about, bool, or how many each one
            stands for; None: all, once.
        tolerance: largest deviation of a row's sum from 1 at which the rounds end.
        limit: most rounds.
    """
    wide = scores.double()
    kernel = (wide - wide.amax(dim=-1, keepdim=True)).exp()
    kernel = kernel.clamp(min=torch.finfo(kernel.dtype).tiny)
    weight = 1.0 if counted is None else counted.double()
    column = torch.ones_like(kernel[..., :1, :])
    for _ in range(limit):
        rows = kernel @ column.mT  # the sums of rows (..., Q, 1)
        after = columns / ((rows.reciprocal() * weight).mT @ kernel)
        moved = (after.log() - column.log()).abs().amax()
        column = after
        if moved < tolerance:
            break
    return (wide + column.log()).log_softmax(dim=-1).to(scores.dtype)
