"""A linear layer, as in ordinary classification.

Chen et al.: A Closer Look at Few-shot Classification, 2019, arXiv 1904.04232 (Baseline), and nearly
every paper on transfer since.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.nn.heads import HEAD, init_linear, linear
from fewshot_bench.nn.params import Params
from fewshot_bench.training.objectives.base import Objective


@dataclass(frozen=True)
class Linear(Objective):
    """Weights and a bias for each class."""

    def init(self, features: int, n_classes: int, generator: torch.Generator) -> Params:
        """``head.weight`` (C, D) and ``head.bias`` (C,)."""
        return init_linear(HEAD, features, n_classes, generator)

    def logits(self, params: Params, features: Tensor) -> Tensor:
        """(B, C)."""
        return linear(params, HEAD, features)
