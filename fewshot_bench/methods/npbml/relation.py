"""How alike queries and classes are, as NPBML's transductive loss is told.

Two kinds: distances to prototypes in the features that a task begins with, which cost nothing to
learn; and a relation network, trained first and frozen, as in the paper. Both judge each query by
itself, from the support set, and pass no gradient on.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.methods.base import FewShotMethod, Objective, Traits
from fewshot_bench.nn.backbone import Backbone, ImageShape
from fewshot_bench.nn.conv import conv2d
from fewshot_bench.nn.heads import init_linear, linear, prototypes, squared_distances
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import Params, merge
from fewshot_bench.nn.resnet12 import ResidualBlock


class Relation(ABC):
    """Tells how alike queries and classes are.

    Attributes:
        network: what has to be trained first, its parameters named ``relation.*``; None where
            nothing has to be.
    """

    network: FewShotMethod | None = None

    def init(self, generator: torch.Generator) -> Params:
        """Initial parameters."""
        return {} if self.network is None else self.network.init(generator)

    @abstractmethod
    def __call__(self, params: Params, episode: Episode, support: Tensor, query: Tensor) -> Tensor:
        """(Q, n_way) shares of the classes, rows summing to 1.

        Args:
            params: holds ``relation.*``.
            episode: the task; its query labels are not looked at.
            support: (S, D) features before the first inner step.
            query: (Q, D) features before the first inner step.
        """


@dataclass(frozen=True)
class PrototypeRelation(Relation):
    """Softmax of negative squared distances to the class means.

    Attributes:
        temperature: divisor of the distances, positive.
    """

    temperature: float

    def __call__(self, params: Params, episode: Episode, support: Tensor, query: Tensor) -> Tensor:  # noqa: ARG002
        """See :class:`Relation`."""
        centres = prototypes(support, episode.support_labels, episode.n_way)
        return (-squared_distances(query, centres) / self.temperature).softmax(dim=1)


@dataclass(frozen=True)
class RelationNetwork(FewShotMethod):
    """A network that scores pairs of a query and a class, from 0 to 1.

    Sung et al.: Learning to Compare, 2017, arXiv 1711.06025, with the residual encoder of NPBML's
    code: features of a class's support images are summed, laid beside those of a query, and two
    more residual blocks turn the pair into one number. Learned by squared error to the labels.

    Attributes:
        image: shape of the images.
        widths: channels of the encoder's blocks; the first two halve height and width.
    """

    image: ImageShape
    widths: tuple[int, ...] = (64, 128, 256, 512)

    @property
    def traits(self) -> Traits:
        """It judges each pair by itself."""
        return Traits(setting="inductive")

    def init(self, generator: torch.Generator) -> Params:
        """``relation.*``: encoder, comparison and score."""
        parts = [block.init(generator) for block in (*self._encoder.stages, *self._compare.stages)]
        score = init_linear("relation.score", self.widths[-1], 1, generator)
        return merge([*parts, score])

    def episode_loss(self, params: Params, episode: Episode) -> Objective:
        """Squared error of the scores to one-hot labels."""
        mode = NormMode(training=True)
        scores = self._scores(params, episode, mode).sigmoid()
        target = one_hot(episode.targets, episode.n_way, scores.dtype)
        return Objective(F.mse_loss(scores, target), mode.seen)

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """(Q, n_way) scores before the sigmoid."""
        return self._scores(params, episode, NormMode(training=False))

    def _scores(self, params: Params, episode: Episode, mode: NormMode) -> Tensor:
        n_way, n_support = episode.n_way, len(episode.support)
        images = torch.cat([episode.support, episode.query])
        maps = self._encoder(params, images, mode, last=len(self.widths))
        support, query = torch.tensor_split(maps, [n_support])
        members = one_hot(episode.support_labels, n_way, maps.dtype)
        classes = torch.einsum("sn,schw->nchw", members, support)
        block, rest = self._compare.stages[0], self._compare
        assert isinstance(block, ResidualBlock)
        first, shortcut = (
            convolved_pairs(classes, query, params[f"{block.name}.{layer}.weight"])
            for layer in ("conv1", "shortcut")
        )
        features = rest(params, block.behind(params, first, shortcut, mode), mode, first=1)
        return linear(params, "relation.score", features).view(len(query), n_way)

    @property
    def _encoder(self) -> Backbone:
        channels = (self.image.channels, *self.widths)
        blocks = tuple(
            ResidualBlock(
                f"relation.block{i + 1}", channels[i], channels[i + 1], "running", pool=i < 2
            )
            for i in range(len(self.widths))
        )
        return Backbone(blocks, feature_dim=0, pool=False)

    @property
    def _compare(self) -> Backbone:
        width = self.widths[-1]
        blocks = tuple(
            ResidualBlock(f"relation.compare{i + 1}", inner, width, "running")
            for i, inner in enumerate((2 * width, width))
        )
        return Backbone(blocks, feature_dim=width, pool=True)


def convolved_pairs(classes: Tensor, query: Tensor, weight: Tensor) -> Tensor:
    """A convolution of all [class, query] pairs, channels side by side.

    It is the convolution of the classes plus that of the queries, each of which is taken once and
    not once in every pair.

    Args:
        classes: (N, C, H, W).
        query: (Q, C, H, W).
        weight: (out, 2 C, k, k), k odd.

    Returns:
        (Q N, out, H, W), the pairs of the first query before those of the second.
    """
    padding = weight.shape[-1] // 2
    own = [
        conv2d(x, part.contiguous(), padding)
        for x, part in zip((classes, query), weight.chunk(2, dim=1), strict=True)
    ]
    pairs: Tensor = own[1].unsqueeze(1) + own[0].unsqueeze(0)
    return pairs.flatten(0, 1)


@dataclass(frozen=True)
class LearnedRelation(Relation):
    """Scores of a frozen relation network, made to sum to 1 for each query."""

    network: RelationNetwork

    def __call__(self, params: Params, episode: Episode, support: Tensor, query: Tensor) -> Tensor:  # noqa: ARG002
        """See :class:`Relation`."""
        scores = self.network.predict(params, episode).sigmoid()
        return scores / scores.sum(dim=1, keepdim=True)
