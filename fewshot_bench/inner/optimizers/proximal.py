"""Steps that are pulled back to where the task began.

Rajeswaran, Finn, Kakade, Levine: Meta-Learning with Implicit Gradients, 2019, arXiv 1909.04630.
"""

from dataclasses import dataclass, field

import torch

from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.inner.protocols import InnerOptimizer
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Proximal(InnerOptimizer):
    """An optimiser on the inner loss plus ``strength / 2 * |theta - theta_initial|^2``.

    The pull is part of every step. The released code pulls back once, after plain steps, so that
    what it reaches is not the minimiser that its formula is about.

    Attributes:
        strength: of the pull; 0 is the optimiser alone.
        inner: what takes the steps; learns and draws nothing.
    """

    strength: float = 1.0
    inner: InnerOptimizer = field(default_factory=SGD)

    def start(self, omega: Params, adapted: Params, generator: torch.Generator | None) -> Params:
        """The initial parameters under ``initial/``, and the state of the optimiser."""
        state = self.inner.start(omega, adapted, generator)
        return {f"initial/{name}": value for name, value in adapted.items()} | state

    def step(
        self, omega: Params, grads: Params, state: Params, adapted: Params, step: int
    ) -> tuple[Params, Params]:
        """One step."""
        initial = {key: value for key, value in state.items() if key.startswith("initial/")}
        own = {key: value for key, value in state.items() if key not in initial}
        pulled = {
            name: grad + self.strength * (adapted[name] - initial[f"initial/{name}"])
            for name, grad in grads.items()
        }
        moved, own = self.inner.step(omega, pulled, own, adapted, step)
        return moved, initial | own


def proximal(lr: float = 0.01, strength: float = 1.0) -> Proximal:
    """Plain gradient descent with a pull.

    Args:
        lr: inner learning rate.
        strength: of the pull; 0 for none.
    """
    return Proximal(strength, SGD(lr))
