"""Matching Networks: a query takes the labels of the support images that it resembles.

Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra: Matching Networks for One Shot Learning, 2016,
arXiv 1606.04080.

The probability of a class is the softmax attention, by cosine similarity, that the query pays to
the images of that class. Departures: no full contextual embeddings, and a fixed ``sharpness``
multiplies the cosine, without which the attention can hardly tell images apart.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.methods.base import Setting, Setup
from fewshot_bench.nn.backbone import build_backbone
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import Params


class MatchingNet:
    """Metric-based learner; has no inner loop.

    Args:
        setup: what it is built for.
        sharpness: factor of the cosine similarities, positive.
    """

    setting: Setting = "inductive"

    def __init__(self, setup: Setup, sharpness: float = 10.0) -> None:
        self.backbone = build_backbone(setup.backbone, setup.image, bn="running")
        self.sharpness = sharpness

    def init(self, generator: torch.Generator) -> Params:
        """Backbone parameters; there is nothing else."""
        return self.backbone.init(generator)

    def episode_loss(self, params: Params, episode: Episode) -> tuple[Tensor, Params]:
        """Cross-entropy of the queries, and the batch statistics to remember."""
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
        """(B, C, H, W) images to (B, D) features; each image for itself."""
        return self.backbone(params, images, NormMode(training=False))

    def classify(
        self,
        params: Params,  # noqa: ARG002
        support: Tensor,
        support_labels: Tensor,
        query: Tensor,
        n_way: int,
    ) -> Tensor:
        """Features (S, D) with labels (S,) and (Q, D) to log-probabilities (Q, n_way)."""
        similarity = F.normalize(query, dim=1) @ F.normalize(support, dim=1).T
        attention = F.log_softmax(self.sharpness * similarity, dim=1)
        of_class = F.one_hot(support_labels, n_way).bool()
        # log of the sum of the attention over each class's images
        return torch.logsumexp(
            attention[:, :, None].masked_fill(~of_class[None], -torch.inf), dim=1
        )
