"""Prototypical Networks: classify by the nearest class mean in a learned feature space.

Snell, Swersky, Zemel: Prototypical Networks for Few-shot Learning, 2017, arXiv 1703.05175.

Logits are negative squared Euclidean distances to the mean support feature of each class. Batch
normalisation uses running averages at test, so each query is classified alone (inductive).
Distances of pooled features (``resnet12``) are of another scale than the paper's flattened ones;
``temperature`` divides them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.methods.base import Setting, Setup
from fewshot_bench.methods.options import Rate
from fewshot_bench.nn.backbone import build_backbone
from fewshot_bench.nn.heads import prototypes, squared_distances
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import Params


class ProtoNet:
    """Metric-based learner; has no inner loop.

    Args:
        setup: what it is built for.
        temperature: divisor of the distances.
    """

    setting: Setting = "inductive"
    maps = True
    light = False

    def __init__(self, setup: Setup, temperature: Rate = 1.0) -> None:
        self.backbone = build_backbone(setup.backbone, setup.image, bn="running")
        self.temperature = temperature

    def init(self, generator: torch.Generator) -> Params:
        """Backbone parameters; there is nothing else."""
        return self.backbone.init(generator)

    def episode_loss(self, params: Params, episode: Episode) -> tuple[Tensor, Params]:
        """Cross-entropy of the queries; support and query share batch statistics in training."""
        mode = NormMode(training=True)
        features = self.backbone(params, torch.cat([episode.support, episode.query]), mode)
        support, query = torch.tensor_split(features, [len(episode.support)])
        logits = self.classify(params, support, episode.support_labels, query, episode.n_way)
        return F.cross_entropy(logits, episode.targets), mode.seen

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Query logits (Q, n_way)."""
        support, query = self.embed(params, episode.support), self.embed(params, episode.query)
        return self.classify(params, support, episode.support_labels, query, episode.n_way)

    def embed(self, params: Params, images: Tensor) -> Tensor:
        """(B, C, H, W) images to (B, D) features, normalised by running averages."""
        return self.backbone(params, images, NormMode(training=False))

    def classify(
        self,
        params: Params,  # noqa: ARG002
        support: Tensor,
        support_labels: Tensor,
        query: Tensor,
        n_way: int,
    ) -> Tensor:
        """Features to logits: negative squared distance to each prototype."""
        centres = prototypes(support, support_labels, n_way)
        return -squared_distances(query, centres) / self.temperature
