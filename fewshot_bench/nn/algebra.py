"""Linear algebra over batches of episodes.

Every function takes any leading dimensions, which are episodes, and has no loop over them. Letters
in shapes: S support items, Q queries, N classes, D features.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.nn.labels import one_hot


def unit(x: Tensor) -> Tensor:
    """Vectors (..., D) at length 1; the zero vector stays zero and gets no gradient."""
    return F.normalize(x, dim=-1, eps=1e-12)


def cosines(x: Tensor, y: Tensor) -> Tensor:
    """(..., Q, D) and (..., N, D) to (..., Q, N) cosines in [-1, 1]."""
    return unit(x) @ unit(y).mT


def logsumexp_by_class(scores: Tensor, labels: Tensor, n_way: int) -> Tensor:
    """Scores (..., Q, S) of support items to (..., Q, N), the log of summed exponentials.

    A class without a finite score gets minus infinity.
    """
    members = one_hot(labels, n_way, torch.bool).mT.unsqueeze(-3)
    return scores.unsqueeze(-2).masked_fill(~members, -torch.inf).logsumexp(dim=-1)


def solve_spd(matrix: Tensor, right: Tensor) -> Tensor:
    """Solution of ``matrix @ x = right`` for symmetric positive definite matrices, in float64.

    Args:
        matrix: (..., n, n).
        right: (..., n, m); leading dimensions broadcast.

    Returns:
        (..., n, m), of the type of ``right``.
    """
    factor = torch.linalg.cholesky(matrix.double())
    return torch.cholesky_solve(right.double(), factor).to(right.dtype)


def ridge_weights(x: Tensor, y: Tensor, penalty: Tensor | float) -> Tensor:
    """Minimiser of ``|x w - y|^2 + penalty |w|^2``, from the smaller of its two systems.

    Args:
        x: (..., S, D).
        y: (..., S, N).
        penalty: above 0; a number, or one for each episode (..., 1, 1).

    Returns:
        (..., D, N).
    """
    if x.shape[-2] <= x.shape[-1]:
        return x.mT @ solve_spd(add_to_diagonal(x @ x.mT, penalty), y)
    return solve_spd(add_to_diagonal(x.mT @ x, penalty), x.mT @ y)


def add_to_diagonal(matrix: Tensor, value: Tensor | float) -> Tensor:
    """``matrix + value I`` for (..., n, n) and a number or (..., 1, 1)."""
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    return matrix + value * eye


def span_basis(x: Tensor) -> Tensor:
    """Orthonormal (..., D, S) whose columns span the rows of x (..., S, D), for S < D.

    Coordinates ``x @ basis`` keep every inner product of rows of x, in S numbers instead of D.
    """
    basis: Tensor = torch.linalg.qr(x.mT)[0]
    return basis


def largest(scores: Tensor, k: int) -> Tensor:
    """Mask of the k largest along the last axis, and of what equals the smallest of these.

    The choice is by value alone, so it does not depend on the order of items.
    """
    k = min(k, scores.shape[-1])
    return scores >= scores.topk(k, dim=-1).values[..., -1:]
