"""TIM by alternating directions, so that every step is a formula (TIM-ADM).

Boudiaf et al.: Transductive Information Maximization For Few-Shot Learning, 2020, arXiv 2008.11297.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from torch import Tensor

from fewshot_bench.methods.options import Rate, Steps
from fewshot_bench.methods.parts import Refiner
from fewshot_bench.methods.refiners import couplings
from fewshot_bench.methods.refiners.loop import alternate, in_span
from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.heads import squared_distances
from fewshot_bench.nn.params import Params

Weight = Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class AlternatingInformation(Refiner):
    """The objective of TIM-GD with auxiliary assignments in place of a rate.

    Attributes:
        scale: predictions are ``softmax(-scale / 2 * squared distance)``.
        fit: weight of the support.
        balance: weight of equal shares of the classes.
        confidence: weight of certain predictions.
        steps: rounds.
    """

    scale: Rate = 15.0
    fit: Rate = 0.1
    balance: Weight = 1.0
    confidence: Weight = 0.1
    steps: Steps = 150

    def __call__(self, params: Params, sets: Sets, logits: Tensor) -> Tensor:  # noqa: ARG002
        """(..., Q, N)."""
        sets = in_span(sets)
        scores = sets.scores(self.scale / 2)
        own = self.fit / (1 + self.confidence)
        other = sets.support.shape[-2] / sets.n_query

        def update(means: Tensor, u: Tensor) -> Tensor:
            p = couplings.none(-self.scale / 2 * squared_distances(sets.support, means)).exp()
            q = couplings.none(scores(means)).exp()
            pull = own * ((sets.y - p).mT @ sets.support) + other * ((u - q).mT @ sets.query)
            held = own * p.sum(dim=-2) + other * q.sum(dim=-2)
            total = own * sets.counts + other * u.sum(dim=-2).unsqueeze(-1)
            return (pull + held.unsqueeze(-1) * means) / total

        means, _ = alternate(sets.means, scores, self.assign, update, self.steps)
        return couplings.none(scores(means))

    def assign(self, scores: Tensor, before: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Sharpened predictions, less the logarithm of what each class already has."""
        sharp = (1 + self.confidence) * couplings.none(scores)
        taken = sharp.logsumexp(dim=-2, keepdim=True)
        return couplings.marginal(sharp, taken, -self.balance / (1 + self.balance))
