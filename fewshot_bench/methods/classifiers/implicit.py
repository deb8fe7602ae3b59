"""Derivatives of optima, and the linear solver that both the optima and their derivatives need."""

from collections.abc import Callable

import torch
from torch import Tensor

Operator = Callable[[Tensor], Tensor]


def inner(x: Tensor, y: Tensor) -> Tensor:
    """Inner products of matrices (..., n, m), one for each episode: (..., 1, 1)."""
    return (x * y).sum(dim=(-2, -1), keepdim=True)


@torch.no_grad()
def conjugate_gradients(
    operator: Operator, right: Tensor, tolerance: float, limit: int = 500
) -> Tensor:
    """Solution of ``operator(x) = right`` by conjugate gradients from zero.

    Args:
        operator: symmetric and positive semi-definite on matrices (..., n, m).
        right: (..., n, m) in its range.
        tolerance: norm of the residual relative to that of ``right`` at which an episode is done.
        limit: most iterations; what they reach is returned.

    Returns:
        (..., n, m).
    """
    solution, residual = torch.zeros_like(right), right
    direction, size = residual, inner(residual, residual)
    goal = tolerance**2 * size
    for _ in range(limit):
        if not (size > goal).any():
            break
        moved = operator(direction)
        curvature = inner(direction, moved)
        step = torch.where(curvature > 0, size / curvature, torch.zeros_like(size)).nan_to_num()
        solution = solution + step * direction
        residual = residual - step * moved
        new = inner(residual, residual)
        direction = residual + (new / size).nan_to_num() * direction
        size = new
    return solution


def with_implicit_gradient(optimum: Tensor, residual: Tensor, solve: Operator) -> Tensor:
    """The optimum, with the derivative that the implicit function theorem gives it.

    Args:
        optimum: a root of ``residual``, without history.
        residual: the gradient of the objective at the detached optimum, as a differentiable
            function of what the objective depends on.
        solve: inverse of the Hessian of the objective.

    Returns:
        The same numbers; first derivatives only.
    """
    if not residual.requires_grad:
        return optimum
    residual.register_hook(solve)  # type: ignore[no-untyped-call]
    return optimum - (residual - residual.detach())
