"""A learned rate for each layer and step (LSLR), the inner step of MAML++.

Antoniou, Edwards, Storkey: How to train your MAML, 2018, arXiv 1810.09502.
"""

from dataclasses import dataclass

import torch

from fewshot_bench.inner.protocols import InnerOptimizer
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class LayerStepRates(InnerOptimizer):
    """theta_l <- theta_l - alpha[l, step] * gradient_l for each parameter tensor l.

    Attributes:
        lr: where all rates start.
        n_steps: rates of each tensor; later steps (more at test than in training) use the last.
    """

    lr: float = 0.01
    n_steps: int = 5

    def init(self, adapted: Params, generator: torch.Generator) -> Params:  # noqa: ARG002
        """``optimizer.rate.<name>`` of shape (n_steps,) for each parameter."""
        return {f"optimizer.rate.{name}": torch.full((self.n_steps,), self.lr) for name in adapted}

    def step(
        self, omega: Params, grads: Params, state: Params, adapted: Params, step: int
    ) -> tuple[Params, Params]:
        """One step."""
        row = min(step, self.n_steps - 1)
        moved = {
            name: value - omega[f"optimizer.rate.{name}"][row] * grads[name]
            for name, value in adapted.items()
        }
        return moved, state
