"""Refiners that cluster: soft k-means, PADDLE and PT-MAP, which differ in their coupling."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from fewshot_bench.methods.options import Rate, Share, Steps
from fewshot_bench.methods.parts import Refiner
from fewshot_bench.methods.refiners import couplings
from fewshot_bench.methods.refiners.loop import alternate, in_span
from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class SoftKMeans(Refiner):
    """Class means of support and softly assigned queries.

    Ren et al.: Meta-Learning for Semi-Supervised Few-Shot Classification, 2018, arXiv 1803.00676,
    which takes one step with scale 1. On features of length 1 that scale draws all means together.

    Attributes:
        scale: factor of the squared distances.
        steps: updates of the means.
        anchored: add the log-probabilities of the classifier to those of every assignment, and
            start from the means of what it assigns. Ours: queries keep a part of what they were
            said to be, so that a class with few of them is not drawn to a large one.
    """

    scale: Rate = 10.0
    steps: Steps = 10
    anchored: bool = False

    def __call__(self, params: Params, sets: Sets, logits: Tensor) -> Tensor:  # noqa: ARG002
        """(..., Q, N)."""
        distances = sets.scores(self.scale)
        scores, means = distances, sets.means
        if self.anchored:
            said = couplings.none(logits)
            means = sets.soft_means(said.exp())

            def scores(means: Tensor) -> Tensor:
                return distances(means) + said

        means, _ = alternate(
            means, scores, couplings.none, lambda _, u: sets.soft_means(u), self.steps
        )
        return couplings.none(scores(means))


@dataclass(frozen=True)
class Paddle(Refiner):
    """Soft k-means in which large classes attract: as few classes as the queries need.

    Martin et al.: Towards Practical Few-Shot Query Sets, 2022, arXiv 2210.14545. Made for features
    scaled to their range (transform ``minmax``) and many candidate classes.

    Attributes:
        weight: of the description length; the published lambda is this times Q.
        scale: factor of half the squared distances.
        steps: updates of the means; the first assignment has no prior.
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    scale: Rate = 1.0
    steps: Steps = 100

    def __call__(self, params: Params, sets: Sets, logits: Tensor) -> Tensor:  # noqa: ARG002
        """(..., Q, N)."""
        sets = in_span(sets)
        scores = sets.scores(self.scale / 2)
        means, before = alternate(
            sets.means, scores, self._assign, lambda _, u: sets.soft_means(u), self.steps
        )
        return self._assign(scores(means), before)

    def _assign(self, scores: Tensor, before: Tensor | None) -> Tensor:
        if before is None:
            return couplings.none(scores)
        shares = before.exp().mean(dim=-2, keepdim=True)
        return couplings.marginal(scores, (shares + 1e-6).log(), self.weight)


@dataclass(frozen=True)
class PTMAP(Refiner):
    """Class means of support and queries that are assigned by optimal transport.

    Hu, Gripon, Pateux: Leveraging the Feature Distribution in Transfer-based Few-Shot Learning,
    2020, arXiv 2006.03806; with the transform ``pt-map``. The published method is told that all
    classes have the same number of queries.

    Attributes:
        scale: factor of the squared distances.
        step: share of the way that means go in each round.
        steps: rounds.
        counts: ``uniform``: as published. ``estimate``: halfway between uniform and what the
            queries say one by one. ``free``: no coupling, which is soft k-means.
    """

    scale: Rate = 10.0
    step: Share = 0.2
    steps: Steps = 20
    counts: Literal["uniform", "estimate", "free"] = "uniform"

    @property
    def told_counts(self) -> bool:
        """It is told, unless it estimates them."""
        return self.counts == "uniform"

    def __call__(self, params: Params, sets: Sets, logits: Tensor) -> Tensor:  # noqa: ARG002
        """(..., Q, N)."""
        sets = in_span(sets)
        scores = sets.scores(self.scale)

        def update(means: Tensor, shares: Tensor) -> Tensor:
            return means + self.step * (sets.soft_means(shares) - means)

        means, _ = alternate(sets.means, scores, self._assign, update, self.steps)
        return self._assign(scores(means), None)

    def _assign(self, scores: Tensor, before: Tensor | None) -> Tensor:  # noqa: ARG002
        if self.counts == "free":
            return couplings.none(scores)
        items, n_way = scores.shape[-2:]
        columns = torch.full_like(scores[..., :1, :], items / n_way, dtype=torch.float64)
        if self.counts == "estimate":
            alone = couplings.none(scores.double()).exp().sum(dim=-2, keepdim=True)
            columns = (columns + alone) / 2
        return couplings.sinkhorn(scores, columns)
