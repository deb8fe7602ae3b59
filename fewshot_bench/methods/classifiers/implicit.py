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
    operator: Operator,
    right: Tensor,
    tolerance: float,
    floor: Tensor | float = 0.0,
    limit: int = 500,
) -> Tensor:
    """Solution of ``operator(x) = right`` by conjugate gradients from zero.

    An episode stops for itself: when its residual is small, or when a direction has no curvature
    beyond rounding, which is where noise in the null space of a singular operator leads.

    Args:
        operator: symmetric and positive semi-definite on matrices (..., n, m).
        right: (..., n, m) in its range.
        tolerance: norm of the residual relative to that of ``right`` at which an episode is done.
        floor: norm of the residual, a number or (..., 1, 1), at which it is done, too.
        limit: most iterations; what they reach is returned.

    Returns:
        (..., n, m).
    """
    solution, residual, direction = torch.zeros_like(right), right, right
    size = inner(right, right)
    top = torch.zeros_like(size)
    goal = torch.maximum(tolerance**2 * size, torch.as_tensor(floor).to(size) ** 2)
    active = size > goal
    for _ in range(limit):
        if not active.any():
            break
        moved = operator(direction)
        curvature = inner(direction, moved)
        length = inner(direction, direction)
        top = torch.maximum(top, torch.where(active, curvature / length, top))
        active = active & (curvature > 1e-13 * top * length)
        step = torch.where(active, size / curvature, torch.zeros_like(size))
        solution, residual = solution + step * direction, residual - step * moved
        new = inner(residual, residual)
        direction = torch.where(active, residual + new / size * direction, direction)
        size = torch.where(active, new, size)
        active = active & (size > goal)
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
    residual.register_hook(  # type: ignore[no-untyped-call]
        lambda gradient: None if gradient is None else solve(gradient)
    )
    return optimum - (residual - residual.detach())
