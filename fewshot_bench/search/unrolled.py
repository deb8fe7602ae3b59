"""One training step on each of many losses, and what a later task loss says of it.

    theta1 <- keep * theta0 - slope * g,   g = J^T v

where J is the derivative of the outputs in theta0 and v the gradient of a loss in the outputs.
With u the gradient of the task loss in theta1, J u is how the outputs before the step should
have changed: a loss is good if its v points there. All losses share theta0 and the batches.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import Params, trainable
from fewshot_bench.search.batched_mlp import MLPStep, OutputGradient, StepRule, layers
from fewshot_bench.search.gradients import pairs
from fewshot_bench.search.stacked import copies, stacked_outputs
from fewshot_bench.supervised.models import MLP, Model
from fewshot_bench.supervised.train import leaves


class Step(Protocol):
    """A network in front of the step."""

    @property
    def outputs(self) -> Tensor:
        """(N, C), without a graph."""
        ...

    def response(self, of_outputs: Tensor, held_x: Tensor, task: OutputGradient) -> Tensor:
        """J u (K, N, C).

        Args:
            of_outputs: v (K, N, C), gradients of K losses in the outputs.
            held_x: inputs of the task loss.
            task: its gradient in the outputs there, for all K networks after the step.
        """
        ...


def begin(model: Model, params: Params, x: Tensor, rule: StepRule) -> Step:
    """Run a network on the batch of the step.

    Args:
        model: the network.
        params: where it starts.
        x: inputs (N, ...).
        rule: the step.
    """
    if isinstance(model, MLP):
        return MLPStep.begin(layers(model, params), x, rule)
    return GraphStep.begin(model, params, x, rule)


@functools.lru_cache(maxsize=1)
def first_step(optimizer: SGD) -> StepRule:
    """The first step of an optimiser, which is linear in parameter and gradient."""
    zero, one = (
        {"": torch.zeros((), dtype=torch.float64)},
        {"": torch.ones((), dtype=torch.float64)},
    )
    kept, _ = optimizer.step({}, zero, zero, one, 0)
    moved, _ = optimizer.step({}, one, zero, zero, 0)
    return StepRule(kept[""].item(), -moved[""].item())


def task_gradient(targets: Tensor) -> OutputGradient:
    """Gradient of the task loss of each of K networks in its outputs.

    Args:
        targets: int64 (N,) of cross-entropy, or float (N, C) of squared error.
    """

    def gradient(outputs: Tensor) -> Tensor:
        predictions, wanted = pairs(outputs, targets)
        scale = 2 / wanted.numel() if targets.is_floating_point() else 1 / len(targets)
        return (predictions - wanted).mul_(scale)

    return gradient


@dataclass(frozen=True, eq=False)
class GraphStep:
    """See :class:`Step`; for any network, by autograd.

    Attributes:
        model: the network.
        params: theta0, with buffers.
        outputs: (N, C).
        pull_back: v (N, C) to J^T v.
        rule: the step.
    """

    model: Model
    params: Params
    outputs: Tensor
    pull_back: Callable[[Tensor], tuple[Params]]
    rule: StepRule

    @classmethod
    def begin(cls, model: Model, params: Params, x: Tensor, rule: StepRule) -> "GraphStep":
        """Run the network on the batch of the step."""

        def outputs_of(weights: Params) -> Tensor:
            return model(params | weights, x, NormMode(training=True))

        found: Any = torch.func.vjp(outputs_of, trainable(params))
        outputs, pull_back = found
        return cls(model, params, outputs.detach(), pull_back, rule)

    def response(self, of_outputs: Tensor, held_x: Tensor, task: OutputGradient) -> Tensor:
        """See :class:`Step`."""
        # Also keeps how the gradients follow from v, whose transpose is the product with J.
        found: Any = torch.func.vjp(torch.func.vmap(self.pull_back), of_outputs)
        (grads,), push = found
        moved = leaves(
            {n: self.rule.keep * self.params[n] - self.rule.slope * g for n, g in grads.items()}
        )
        others = {n: p for n, p in self.params.items() if n not in moved}
        stack = copies(others, len(of_outputs)) | moved
        held, _ = stacked_outputs(self.model, stack, held_x, training=True)
        u = torch.autograd.grad(held, list(moved.values()), task(held.detach()))
        along: Tensor = push((dict(zip(moved, u, strict=True)),))[0]
        return along
