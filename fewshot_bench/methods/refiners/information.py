"""Class means that make the predictions for the queries informative, by gradient steps.

Boudiaf et al.: Transductive Information Maximization For Few-Shot Learning, 2020, arXiv 2008.11297
(TIM-GD); with alpha-entropies: Veilleux et al.: Realistic Evaluation of Transductive Few-Shot
Learning, 2021, arXiv 2204.11181 (alpha-TIM).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.inner.optimizers.adam import Adam
from fewshot_bench.methods.options import Rate, Steps, Weight
from fewshot_bench.methods.parts import Refiner
from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.heads import squared_distances
from fewshot_bench.nn.params import Params


def entropy(p: Tensor, alpha: float) -> Tensor:
    """Tsallis entropy over the last axis; Shannon's in nats at alpha = 1."""
    if alpha == 1:
        logs = p.clamp(min=torch.finfo(p.dtype).tiny).log()
        return -(p * logs).sum(dim=-1)
    tsallis: Tensor = (1 - (p**alpha).sum(dim=-1)) / (alpha - 1)
    return tsallis


@dataclass(frozen=True)
class InformationMaximisation(Refiner):
    """Adam on ``fit * cross-entropy of the support - balance * entropy of the mean prediction +
    confidence * mean entropy of the predictions``, over the class means of each episode.

    The balance term draws the classes to equal shares of the queries.

    Attributes:
        scale: predictions are ``softmax(-scale / 2 * squared distance)``.
        fit: weight of the support.
        balance: weight of the entropy of the mean prediction.
        confidence: weight of the mean entropy.
        alpha: order of both entropies; 1 is Shannon's.
        steps: of Adam.
        lr: their size.
    """

    scale: Rate = 15.0
    fit: Weight = 0.1
    balance: Weight = 1.0
    confidence: Weight = 0.1
    alpha: Rate = 1.0
    steps: Steps = 1000
    lr: Rate = 1e-4

    def __call__(self, params: Params, sets: Sets, logits: Tensor) -> Tensor:  # noqa: ARG002
        """(..., Q, N); no gradient reaches the features."""
        sets = sets.detach()
        means = Adam(lr=self.lr).descend(self.gradient(sets), sets.means, self.steps)
        return self._log_p(sets.query, means)

    def gradient(self, sets: Sets) -> Callable[[Tensor], Tensor]:
        """The derivative of :meth:`loss` in the class means, written out: (..., N, D) to the same.

        Classes go before items here, along which the memory of a batch is contiguous then.
        """
        items, y = sets.items, sets.y.mT
        shots, queries = y.shape[-1], sets.n_query

        def found(means: Tensor) -> Tensor:
            half_norms = means.square().sum(dim=-1, keepdim=True) / 2
            logits = self.scale * (means @ items.mT - half_norms)
            log_p = logits.log_softmax(dim=-2)
            p = log_p.exp()
            known, asked, log_asked = p[..., :shots], p[..., shots:], log_p[..., shots:]
            gain = self.balance * self._gain(asked.mean(dim=-1, keepdim=True).log())
            gain = gain - self.confidence * self._gain(log_asked)
            asked = asked / queries * (gain - (asked * gain).sum(dim=-2, keepdim=True))
            pull = torch.cat([self.fit / shots * (known - y), asked], dim=-1)
            return self.scale * (pull @ items - pull.sum(dim=-1, keepdim=True) * means)

        return found

    def _gain(self, log_p: Tensor) -> Tensor:
        """Minus the derivative of the entropy in a share, up to a constant, by its logarithm."""
        if self.alpha == 1:
            return log_p
        return self.alpha / (self.alpha - 1) * ((self.alpha - 1) * log_p).exp()

    def loss(self, sets: Sets, means: Tensor) -> Tensor:
        """The objective of each episode (...)."""
        fit = -(sets.y * self._log_p(sets.support, means)).sum(dim=-1).mean(dim=-1)
        p = self._log_p(sets.query, means).exp()
        balance = entropy(p.mean(dim=-2), self.alpha)
        confidence = entropy(p, self.alpha).mean(dim=-1)
        return self.fit * fit - self.balance * balance + self.confidence * confidence

    def _log_p(self, items: Tensor, means: Tensor) -> Tensor:
        return (-self.scale / 2 * squared_distances(items, means)).log_softmax(dim=-1)
