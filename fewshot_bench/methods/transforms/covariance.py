"""Maps to how their channels depend on each other.

Xie, Long, Lv, Wang, Li: Joint Distribution Matters: Deep Brownian Distance Covariance for Few-Shot
Classification, 2022, arXiv 2204.04567 (DeepBDC), without its convolution before.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.maps import descriptors, positions_of
from fewshot_bench.methods.options import Count
from fewshot_bench.methods.parts import Transform
from fewshot_bench.nn.params import Params

LOG_FACTOR = "transform.log_factor"


@dataclass(frozen=True)
class BrownianCovariance(Transform):
    """Upper triangle of the doubly centred distances between channels, C (C + 1) / 2 numbers.

    A distance is ``sqrt(e^t d + 1e-5)`` with d the sum of squared differences over positions.

    Attributes:
        channels: features are maps (channels, height, width) laid flat; None: one position each.
        learned: whether t is a parameter; it starts, or stays, at ``-log(2 positions)``.
        frobenius: weigh what stands for two entries by the root of 2, so that lengths are those of
            the full matrix; as published all weigh 1.
    """

    channels: Count | None = None
    learned: bool = False
    frobenius: bool = False

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """t (), where it is learned; raises ConfigError if D is no multiple of channels."""
        t = -math.log(2 * positions_of(features, self.channels))
        return {LOG_FACTOR: torch.tensor(t)} if self.learned else {}

    def __call__(self, params: Params, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        """(..., S, C (C + 1) / 2) and (..., Q, C (C + 1) / 2)."""
        return self._triangle(params, support), self._triangle(params, query)

    def _triangle(self, params: Params, x: Tensor) -> Tensor:
        matrix = self.matrix(params, descriptors(x, self.channels).mT)
        rows, columns = torch.triu_indices(*matrix.shape[-2:], device=x.device)
        triangle = matrix[..., rows, columns]
        if not self.frobenius:
            return triangle
        return torch.where(rows == columns, triangle, math.sqrt(2) * triangle)

    def matrix(self, params: Params, maps: Tensor) -> Tensor:
        """(..., C, positions) to symmetric (..., C, C) whose rows sum to 0."""
        gram = maps @ maps.mT
        lengths = gram.diagonal(dim1=-2, dim2=-1)
        squares = (lengths.unsqueeze(-1) + lengths.unsqueeze(-2) - 2 * gram).clamp(min=0)
        factor = params[LOG_FACTOR].exp() if self.learned else 0.5 / maps.shape[-1]
        distances = (factor * squares + 1e-5).sqrt()
        half = distances - distances.mean(dim=-1, keepdim=True)
        return half - half.mean(dim=-2, keepdim=True)
