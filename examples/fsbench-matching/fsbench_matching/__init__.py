"""Matching Networks: a query takes the labels of the support images that it resembles.

Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra: Matching Networks for One Shot Learning, 2016,
arXiv 1606.04080.

The probability of a class is the softmax attention, by cosine similarity, that the query pays to
the images of that class. Departures: no full contextual embeddings, and a fixed ``sharpness``
multiplies the cosine, without which the attention can hardly tell images apart.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.backbone import build_backbone
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Attention(Classifier):
    """The attention that a query pays to the images of each class.

    Attributes:
        sharpness: factor of the cosine similarities, positive.
    """

    sharpness: float

    def __call__(
        self,
        params: Params,  # noqa: ARG002
        support: Tensor,
        support_labels: Tensor,
        query: Tensor,
        n_way: int,
    ) -> Tensor:
        """Log-probabilities (..., Q, n_way)."""
        similarity = F.normalize(query, dim=-1) @ F.normalize(support, dim=-1).mT
        return log_shares(self.sharpness * similarity, support_labels, n_way)


def matching_net(setup: Setup, sharpness: float = 10.0) -> EmbeddingLearner:
    """Compose Matching Networks.

    Args:
        setup: what it is built for.
        sharpness: see :class:`Attention`.
    """
    embedding = build_backbone(setup.backbone, setup.image, bn="running")
    return EmbeddingLearner(embedding, Attention(sharpness))


def log_shares(similarity: Tensor, labels: Tensor, n_way: int) -> Tensor:
    """Log of the attention that each query pays to each class.

    Args:
        similarity: (..., Q, S), of queries to support images.
        labels: (..., S), classes of the support images.
        n_way: number of classes.

    Returns:
        (..., Q, n_way); the exponentials of a row add up to 1.
    """
    member = labels.unsqueeze(-1) == torch.arange(n_way, device=labels.device)
    attention = F.log_softmax(similarity, dim=-1).unsqueeze(-1)
    return attention.masked_fill(~member.unsqueeze(-3), -torch.inf).logsumexp(dim=-2)
