"""Pseudo-labels join the support in the order of their credibility.

Wang, Xu, Liu, Zhang, Fu: Instance Credibility Inference for Few-Shot Learning, 2020,
arXiv 2003.11853 (ICI); with features of length 1 (transform ``l2n``).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.classifiers.logistic import LogisticRegression
from fewshot_bench.methods.options import Count, Rate
from fewshot_bench.methods.parts import Refiner
from fewshot_bench.methods.refiners.cleaning import cleanest
from fewshot_bench.methods.sets import Sets
from fewshot_bench.methods.transforms.spectral import principal_axes
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params


def unexplained(items: Tensor, y: Tensor, components: int) -> Tensor:
    """Size (..., n) of what a linear model of the first principal components leaves of labels.

    It orders items as they enter the path of an L1-penalised correction for each item, strongest
    penalty first: the residual maker is its own square.

    Args:
        items: (..., n, D).
        y: (..., n, N) one-hot.
        components: of the items, at most.
    """
    centred = items - items.mean(dim=-2, keepdim=True)
    axes, sums = principal_axes(centred)
    axes, sums = axes[..., :components], sums[..., :components]
    scale = torch.where(sums > 0, sums, torch.ones_like(sums)).rsqrt()
    basis = (centred @ axes) * scale.unsqueeze(-2)
    return (y - basis @ (basis.mT @ y)).square().sum(dim=-1).sqrt()


@dataclass(frozen=True)
class CredibleInference(Refiner):
    """Rounds of logistic regression, after each of which credible queries join the support.

    Queries that have joined are labelled anew in every round.

    Attributes:
        c: weight of the data in the regression.
        components: principal components of support and queries that explain labels.
        moved: queries of each class that join in one round.
    """

    c: Rate = 10.0
    components: Count = 5
    moved: Count = 5

    @torch.no_grad()
    def __call__(self, params: Params, sets: Sets, logits: Tensor) -> Tensor:  # noqa: ARG002
        """(..., Q, N), of the regression on all that joined; no gradient."""
        items = sets.items.double()
        known = torch.ones_like(items[..., :1], dtype=torch.bool)
        known[..., -sets.n_query :, :] = False
        labels = torch.zeros_like(known.squeeze(-1), dtype=torch.long)
        labels[..., : -sets.n_query] = sets.y.argmax(dim=-1)
        while True:
            weights, intercept = LogisticRegression(self.c).fit(items, labels, sets.n_way, known)
            scores = items[..., -sets.n_query :, :] @ weights + intercept
            if known.all():
                return scores.log_softmax(dim=-1).to(logits.dtype)
            done = known.all(dim=-2)
            anew = torch.where(done, labels[..., -sets.n_query :], scores.argmax(dim=-1))
            labels[..., -sets.n_query :] = anew
            y = one_hot(labels, sets.n_way, items.dtype)
            known |= cleanest(unexplained(items, y, self.components), y * ~known, self.moved)
