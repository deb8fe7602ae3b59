"""Labels that flow from the support set along a graph of all images; no episode trains anything.

Zhou et al.: Learning with Local and Global Consistency, 2004. The backbone is trained before, as a
classifier of the training classes: --set stages.classify.steps=1000.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from fewshot_bench.methods.classifiers.prototypes import NearestMean
from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.methods.parts import Refiner
from fewshot_bench.nn.backbone import build_backbone
from fewshot_bench.registry import METHODS


@dataclass(frozen=True)
class Propagation(Refiner):
    """What reaches each query, if a share ``alpha`` of all labels flows on in each round."""

    alpha: float
    sharpness: float

    def __call__(self, params, sets, logits):
        """Log-assignments (..., Q, n_way)."""
        items = F.normalize(sets.items, dim=-1)
        itself = torch.eye(items.shape[-2]).to(items)
        weights = (self.sharpness * (items @ items.mT - 1)).exp() * (1 - itself)
        root = weights.sum(dim=-1, keepdim=True).rsqrt()
        labels = torch.cat([sets.y, torch.zeros_like(logits)], dim=-2)
        reached = torch.linalg.solve(itself - self.alpha * root * weights * root.mT, labels)
        return reached[..., -sets.n_query :, :].clamp(min=1e-9).log()


@METHODS.register("my-propagation", setting="transductive", summary="labels flow along a graph")
def propagation(setup, alpha: float = 0.8, sharpness: float = 10.0):
    """Compose it."""
    embedding = build_backbone(setup.backbone, setup.image, bn="running")
    refiner, before = Propagation(alpha, sharpness), ("classify",)
    return EmbeddingLearner(embedding, NearestMean(), refiner=refiner, trains=False, stages=before)
