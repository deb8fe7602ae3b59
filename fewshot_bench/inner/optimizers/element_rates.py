"""A learned rate for each element: the inner step of Meta-SGD.

Li, Zhou, Chen, Li: Meta-SGD: Learning to Learn Quickly for Few-Shot Learning, 2017,
arXiv 1707.09835.
"""

from dataclasses import dataclass

import torch

from fewshot_bench.inner.protocols import InnerOptimizer
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class ElementRates(InnerOptimizer):
    """theta <- theta - alpha * gradient, alpha of the shape of theta and the same in all steps.

    A learned rate may become negative, as in the paper.

    Attributes:
        low: rates start uniformly between this
        high: and this.
    """

    low: float = 0.005
    high: float = 0.1

    def init(self, adapted: Params, generator: torch.Generator) -> Params:
        """One rate tensor ``optimizer.rate.<name>`` for each parameter."""
        return {
            f"optimizer.rate.{name}": self.low
            + (self.high - self.low) * torch.rand(value.shape, generator=generator)
            for name, value in adapted.items()
        }

    def step(
        self,
        omega: Params,
        grads: Params,
        state: Params,
        adapted: Params,
        step: int,  # noqa: ARG002
    ) -> tuple[Params, Params]:
        """One step."""
        moved = {
            name: value - omega[f"optimizer.rate.{name}"] * grads[name]
            for name, value in adapted.items()
        }
        return moved, state
