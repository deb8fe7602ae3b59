"""Adaptation as a differentiable computation: steps of an inner optimiser on an inner loss."""

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor

from fewshot_bench.errors import TrainingError
from fewshot_bench.inner.protocols import InnerOptimizer
from fewshot_bench.nn.params import Params
from fewshot_bench.nn.transformed import inside_transform

Order = Literal[0, 1, 2]
Objective = Callable[[Params, int], Tensor]


def unroll(
    objective: Objective,
    start: Params,
    optimizer: InnerOptimizer,
    omega: Params,
    *,
    n_steps: int,
    order: Order,
    generator: torch.Generator | None = None,
) -> Iterator[Params]:
    """Yield the adapted parameters after each of ``n_steps`` steps.

    Args:
        objective: (adapted parameters, step number from 0) to a scalar inner loss.
        start: parameters before the first step.
        optimizer: turns gradients into steps.
        omega: the optimiser's meta-parameters.
        n_steps: number of steps.
        order: 2 differentiates through the inner gradients (MAML); 1 treats them as constants
            (FOMAML), so the result still depends on ``start`` and omega; 0 cuts the graph after
            every step, for test time, where memory must not grow with the number of steps.
        generator: the task's own, for optimisers that draw; None for one with seed 0.

    Raises:
        TrainingError: the inner loss is not finite, or a gradient that the optimiser decomposes;
            says in which step.
    """
    if order == 0:
        start = {name: value.detach() for name, value in start.items()}
    if generator is None and optimizer.draws:
        generator = torch.Generator().manual_seed(0)
    adapted, state = start, optimizer.start(omega, start, generator)
    for step in range(n_steps):
        grads = gradients(objective, adapted, step, order)
        try:
            adapted, state = optimizer.step(omega, grads, state, adapted, step)
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            raise TrainingError(f"the inner gradient is not finite in inner step {step}") from error
        if order == 0:
            adapted, state = _cut(adapted), _cut(state)
        yield adapted


def gradients(objective: Objective, adapted: Params, step: int, order: Order) -> Params:
    """Of the inner loss in each adapted parameter; constants unless the order is 2.

    Raises:
        TrainingError: the inner loss is not finite.
    """
    if inside_transform():
        # Autograd can't look into a map over tasks; and the map can't stop at a loss of one task.
        grads = torch.func.grad(objective)(adapted, step)
        return grads if order == 2 else _cut(grads)
    with torch.enable_grad():
        # Leaves of an earlier graph stay as they are; plain tensors (order 0) become leaves.
        moving = {
            name: value if value.requires_grad else value.detach().requires_grad_()
            for name, value in adapted.items()
        }
        loss = objective(moving, step)
        if not torch.isfinite(loss):
            raise TrainingError(f"the inner loss is {loss.item()} in inner step {step}")
        values = torch.autograd.grad(
            loss,
            list(moving.values()),
            create_graph=order == 2,
            materialize_grads=True,
        )
    return dict(zip(moving, values, strict=True))


def _cut(params: Params) -> Params:
    return {name: value.detach() for name, value in params.items()}
