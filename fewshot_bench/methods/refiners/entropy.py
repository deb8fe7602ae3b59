"""A cosine head tuned on the support and on the entropy of the queries.

Dhillon et al.: A Baseline for Few-Shot Image Classification, 2019, arXiv 1909.02729, its head
alone: the published method tunes the whole network.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.inner.optimizers.adam import Adam
from fewshot_bench.methods.options import Rate, Steps, Weight
from fewshot_bench.methods.parts import Refiner
from fewshot_bench.methods.refiners.information import entropy
from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.algebra import unit
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class EntropyTuning(Refiner):
    """Alternating steps of Adam: cross-entropy of the support, then mean entropy of the queries.

    Features have length 1, weights start at the class means, at length 1, and biases at 0.

    Attributes:
        steps: pairs of steps.
        lr: their size.
        weight: of the entropy.
    """

    steps: Steps = 25
    lr: Rate = 5e-5
    weight: Weight = 1.0

    def __call__(self, params: Params, sets: Sets, logits: Tensor) -> Tensor:  # noqa: ARG002
        """(..., Q, N); no gradient reaches the features."""
        sets = sets.detach()
        weight = unit(sets.means)
        sets = sets._replace(support=unit(sets.support), query=unit(sets.query))

        def fit(head: Params) -> Tensor:
            log_p = _logits(head, sets.support).log_softmax(dim=-1)
            return -(sets.y * log_p).sum(dim=-1).mean(dim=-1)

        def certainty(head: Params) -> Tensor:
            p = _logits(head, sets.query).softmax(dim=-1)
            return self.weight * entropy(p, 1.0).mean(dim=-1)

        head = {"weight": weight, "bias": torch.zeros_like(weight[..., :1].mT)}
        adam, count = Adam(lr=self.lr), 0
        state = adam.start({}, head, None)
        for _ in range(self.steps):
            for loss in (fit, certainty):
                with torch.enable_grad():
                    free = {name: value.detach().requires_grad_() for name, value in head.items()}
                    found = torch.autograd.grad(loss(free).sum(), list(free.values()))
                head, state = adam.step({}, dict(zip(free, found, strict=True)), state, head, count)
                count += 1
        return _logits(head, sets.query).log_softmax(dim=-1)


def _logits(head: Params, items: Tensor) -> Tensor:
    return items @ head["weight"].mT + head["bias"]
