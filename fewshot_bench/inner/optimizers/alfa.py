"""Rates and decays that a small network generates from the state of the task: ALFA.

Baik, Choi, Choi, Kim, Lee: Meta-Learning with Adaptive Hyperparameters, 2020, arXiv 2011.00209.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.inner.protocols import InnerOptimizer
from fewshot_bench.nn.heads import linear
from fewshot_bench.nn.params import Params, kaiming_normal

_NET = "optimizer.generator"


@dataclass(frozen=True)
class GeneratedRates(InnerOptimizer):
    """theta_l <- (1 - b0[l, step] b_l) theta_l - a0[l, step] a_l gradient_l for each tensor l.

    The 2 L factors (a, b) come from an MLP 2L - 2L - 2L over the means of the L tensors and of
    their L gradients. As released, the means of the gradients are constants of the meta-gradient.
    The MLP starts close to a = b = 1, so that learning starts at LSLR (the released code starts it
    at random).

    Attributes:
        lr: where the base rates a0 start.
        decay: b0 starts at decay * lr.
        n_steps: base rates of each tensor; later steps use the last.
        exact: differentiate through the means of the gradients, too.
    """

    lr: float = 0.01
    decay: float = 5e-4
    n_steps: int = 5
    exact: bool = False

    def init(self, adapted: Params, generator: torch.Generator) -> Params:
        """The MLP; ``optimizer.rate.<name>`` and ``optimizer.decay.<name>``, (n_steps,) each."""
        size = 2 * len(adapted)
        omega = {
            f"{_NET}.hidden.weight": kaiming_normal((size, size), generator),
            f"{_NET}.hidden.bias": torch.zeros(size),
            f"{_NET}.out.weight": kaiming_normal((size, size), generator, gain=1e-4),
            f"{_NET}.out.bias": torch.ones(size),
        }
        for name in adapted:
            omega[f"optimizer.rate.{name}"] = torch.full((self.n_steps,), self.lr)
            omega[f"optimizer.decay.{name}"] = torch.full((self.n_steps,), self.decay * self.lr)
        return omega

    def step(
        self, omega: Params, grads: Params, state: Params, adapted: Params, step: int
    ) -> tuple[Params, Params]:
        """One step."""
        row = min(step, self.n_steps - 1)
        told = grads if self.exact else {name: grad.detach() for name, grad in grads.items()}
        rates, decays = _generate(omega, told, adapted).chunk(2)
        moved: Params = {}
        for layer, name in enumerate(sorted(adapted)):
            rate = omega[f"optimizer.rate.{name}"][row] * rates[layer]
            decay = omega[f"optimizer.decay.{name}"][row] * decays[layer]
            moved[name] = (1 - decay) * adapted[name] - rate * grads[name]
        return moved, state


def _generate(omega: Params, grads: Params, adapted: Params) -> Tensor:
    """(2 L,) factors, rates before decays; by sorted names, as a stored dict changes its order."""
    names = sorted(adapted)
    means = [part[name].mean() for part in (adapted, grads) for name in names]
    hidden = F.relu(linear(omega, f"{_NET}.hidden", torch.stack(means)))
    return linear(omega, f"{_NET}.out", hidden)
