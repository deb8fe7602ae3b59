"""Gradient descent with a fixed rate; with momentum, Nesterov and weight decay if asked for."""

from dataclasses import dataclass

import torch

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.protocols import InnerOptimizer
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class SGD(InnerOptimizer):
    """The update of ``torch.optim.SGD`` without dampening, differentiable.

    With g the gradient plus ``weight_decay * theta`` and v <- momentum * v + g, a step is
    theta <- theta - lr * d, where d is g without momentum, v with it, and g + momentum * v with
    Nesterov's.

    Attributes:
        lr: inner learning rate, the same for all parameters and steps.
        momentum: share of the velocity that is kept, in [0, 1).
        nesterov: look one step ahead; needs momentum.
        weight_decay: strength of the pull towards zero.
    """

    lr: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if self.nesterov and not self.momentum:
            raise ConfigError("nesterov needs momentum above 0")

    def start(self, omega: Params, adapted: Params, generator: torch.Generator | None) -> Params:  # noqa: ARG002
        """Velocities of zero, under the parameters' own names."""
        if not self.momentum:
            return {}
        return {name: torch.zeros_like(value) for name, value in adapted.items()}

    def step(
        self,
        omega: Params,  # noqa: ARG002
        grads: Params,
        state: Params,
        adapted: Params,
        step: int,  # noqa: ARG002
    ) -> tuple[Params, Params]:
        """One step."""
        if self.weight_decay:
            grads = _plus(grads, self.weight_decay, adapted)
        if self.momentum:
            state = _plus(grads, self.momentum, state)
            grads = _plus(grads, self.momentum, state) if self.nesterov else state
        return _plus(adapted, -self.lr, grads), state


def _plus(a: Params, factor: float, b: Params) -> Params:
    """a + factor * b, in one pass over the memory of each tensor."""
    return {name: torch.add(value, b[name], alpha=factor) for name, value in a.items()}
