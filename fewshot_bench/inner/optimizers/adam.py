"""Adam inside a task (Kingma, Ba 2014, arXiv 1412.6980)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.inner.protocols import InnerOptimizer
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Adam(InnerOptimizer):
    """The update of ``torch.optim.Adam``, differentiable also where a gradient is zero.

    Attributes:
        lr: inner learning rate.
        beta1: decay of the mean gradient; 0 as in Reptile makes it RMSProp with bias correction.
        beta2: decay of the mean squared gradient.
        eps: added to the root of the latter.
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def start(self, omega: Params, adapted: Params, generator: torch.Generator | None) -> Params:  # noqa: ARG002
        """Both moments of each parameter, zero."""
        return {
            f"{moment}/{name}": torch.zeros_like(value)
            for moment in ("mean", "square")
            for name, value in adapted.items()
        }

    def step(
        self,
        omega: Params,  # noqa: ARG002
        grads: Params,
        state: Params,
        adapted: Params,
        step: int,
    ) -> tuple[Params, Params]:
        """One step; ``step`` counts from 0 for the bias correction."""
        moved, after = {}, {}
        for name, grad in grads.items():
            mean = self.beta1 * state[f"mean/{name}"] + (1 - self.beta1) * grad
            square = self.beta2 * state[f"square/{name}"] + (1 - self.beta2) * grad * grad
            scale = safe_sqrt(square / (1 - self.beta2 ** (step + 1))) + self.eps
            moved[name] = adapted[name] - self.lr / (1 - self.beta1 ** (step + 1)) * mean / scale
            after[f"mean/{name}"], after[f"square/{name}"] = mean, square
        return moved, after

    @torch.no_grad()
    def descend(self, gradient: Callable[[Tensor], Tensor], start: Tensor, steps: int) -> Tensor:
        """Where ``steps`` steps lead from a tensor, in place and without a derivative of its own.

        Args:
            gradient: a tensor like ``start`` to its gradient.
            start: is left as it is.
            steps: how many.
        """
        x, mean, square = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
        for step in range(1, steps + 1):
            found = gradient(x)
            mean.lerp_(found, 1 - self.beta1)
            square.mul_(self.beta2).addcmul_(found, found, value=1 - self.beta2)
            scale = (square / (1 - self.beta2**step)).sqrt_().add_(self.eps)
            x.addcdiv_(mean, scale, value=-self.lr / (1 - self.beta1**step))
        return x


def safe_sqrt(x: Tensor) -> Tensor:
    """Square root of values >= 0 whose derivative at 0 is 0 instead of infinite."""
    positive = x > 0
    return torch.where(positive, x, torch.ones_like(x)).sqrt() * positive
