"""Classes as directions, so that features of one class are drawn together.

Chen et al.: A Closer Look at Few-shot Classification, 2019, arXiv 1904.04232 (Baseline++). As in
the authors' code the directions have a learned length, because weights are normalised by
``torch.nn.utils.weight_norm`` there: the logits are not pure cosines.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.nn.algebra import cosines
from fewshot_bench.nn.heads import HEAD
from fewshot_bench.nn.params import Params, kaiming_normal
from fewshot_bench.training.objectives.base import Objective

WEIGHT, LENGTH = f"{HEAD}.weight", f"{HEAD}.length"


@dataclass(frozen=True)
class Cosine(Objective):
    """``scale * length_k * cos(x, w_k)``, without a bias.

    Attributes:
        scale: factor of the cosines; the authors take 2 for up to 200 classes, else 10.
    """

    scale: float = 2.0

    def init(self, features: int, n_classes: int, generator: torch.Generator) -> Params:
        """``head.weight`` (C, D), and ``head.length`` (C,) which starts as its rows' lengths."""
        weight = kaiming_normal((n_classes, features), generator, gain=1.0)
        return {WEIGHT: weight, LENGTH: weight.norm(dim=1)}

    def logits(self, params: Params, features: Tensor) -> Tensor:
        """(B, C)."""
        return self.scale * params[LENGTH] * cosines(features, params[WEIGHT])
