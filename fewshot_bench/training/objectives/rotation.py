"""A second task beside any objective: by how many quarter turns was the image rotated?

Gidaris et al.: Boosting Few-Shot Visual Learning with Self-Supervision, 2019, arXiv 1906.05186. The
batch is made as in EASY (Bendou et al. 2022, arXiv 2201.09699): every image is seen once, in one of
four rotations, so a step costs what it did. The class is to be told from any rotation.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.nn.heads import init_linear, linear
from fewshot_bench.nn.params import Params, merge
from fewshot_bench.training.objectives.base import Criterion, Objective

ROTATION, TURNS = "rotation", 4


def turns(batch: int) -> Tensor:
    """Quarter turns of each image of a batch, int64 (B,): its four quarters take 0, 1, 2 and 3.

    Example:
        >>> turns(6).tolist()
        [0, 0, 1, 2, 2, 3]
    """
    return torch.arange(batch) * TURNS // batch


@dataclass(frozen=True)
class Rotation(Objective):
    """``(1 - weight) * objective + weight * cross-entropy of the rotation``.

    Attributes:
        objective: of the classes.
        weight: of the second task, in [0, 1]; a half in EASY.
    """

    objective: Objective
    weight: float

    def init(self, features: int, n_classes: int, generator: torch.Generator) -> Params:
        """Those of the objective, and a linear layer ``rotation.*`` with four outputs."""
        head = self.objective.init(features, n_classes, generator)
        return merge([head, init_linear(ROTATION, features, TURNS, generator)])

    def logits(self, params: Params, features: Tensor) -> Tensor:
        """Of the classes, (B, C)."""
        return self.objective.logits(params, features)

    def views(self, images: Tensor) -> Tensor:
        """Square images, the quarters of the batch in a rotation each."""
        images, how = self.objective.views(images), turns(len(images))
        return torch.cat([images[how == k].rot90(k, (-2, -1)) for k in range(TURNS)])

    def loss(
        self, params: Params, features: Tensor, labels: Tensor, criterion: Criterion
    ) -> Tensor:
        """Of both tasks."""
        classes = self.objective.loss(params, features, labels, criterion)
        answers = linear(params, ROTATION, features)
        rotations = F.cross_entropy(answers, turns(len(answers)).to(answers.device))
        return (1 - self.weight) * classes + self.weight * rotations
