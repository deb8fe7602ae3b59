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
        return F.nll_loss(self._log_shares(params, episode, mode), episode.targets), mode.seen

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Query logits (Q, n_way); running averages normalise each image for itself."""
        return self._log_shares(params, episode, NormMode(training=False))

    def _log_shares(self, params: Params, episode: Episode, mode: NormMode) -> Tensor:
        images = torch.cat([episode.support, episode.query])
        features = F.normalize(self.backbone(params, images, mode), dim=1)
        support, query = features[: len(episode.support)], features[len(episode.support) :]
        similarity = self.sharpness * query @ support.T
        return log_shares(similarity, episode.support_labels, episode.n_way)


def log_shares(similarity: Tensor, labels: Tensor, n_way: int) -> Tensor:
    """Log of the attention that each query pays to each class.

    Args:
        similarity: (Q, S), of queries to support images.
        labels: (S,), classes of the support images.
        n_way: number of classes.

    Returns:
        (Q, n_way); the exponentials of a row add up to 1.
    """
    other = ~F.one_hot(labels, n_way).bool()
    attention = F.log_softmax(similarity, dim=1)[:, :, None].masked_fill(other, -torch.inf)
    return attention.logsumexp(dim=1)
