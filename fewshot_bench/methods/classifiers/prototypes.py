"""Nearest class mean: one vector for each class."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.classifiers.scale import init_scale, scale_of
from fewshot_bench.methods.options import Rate
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.algebra import cosines
from fewshot_bench.nn.heads import prototypes, squared_distances
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class NearestMean(Classifier):
    """Negative squared Euclidean distance to each class mean, times a scale.

    Snell, Swersky, Zemel: Prototypical Networks for Few-shot Learning, 2017, arXiv 1703.05175.

    Attributes:
        scale: factor of the distances.
        learned: whether the factor is a parameter, which starts there.
    """

    scale: Rate = 1.0
    learned: bool = False

    @property
    def maps(self) -> bool:
        """Products and sums only."""
        return True

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """The scale, where it is learned."""
        return init_scale(self.scale, self.learned)

    def __call__(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """(..., Q, N)."""
        means = prototypes(support, support_labels, n_way)
        return -scale_of(params, self.scale) * squared_distances(query, means)


@dataclass(frozen=True)
class CosineMean(Classifier):
    """Cosine to each class mean, times a scale; the mean is taken before lengths are.

    Chen et al.: Meta-Baseline, 2020, arXiv 2003.04390, where the scale is learned from 10.

    Attributes:
        scale: factor of the cosines.
        learned: whether the factor is a parameter, which starts there.
    """

    scale: Rate = 10.0
    learned: bool = False

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """The scale, where it is learned."""
        return init_scale(self.scale, self.learned)

    def __call__(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """(..., Q, N)."""
        means = prototypes(support, support_labels, n_way)
        return scale_of(params, self.scale) * cosines(query, means)
