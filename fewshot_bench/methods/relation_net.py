"""RelationNet: a network learns to say how alike a query and a class are.

Sung, Yang, Zhang, Xiang, Torr, Hospedales: Learning to Compare: Relation Network for Few-Shot
Learning, 2018, arXiv 1711.06025.

The mean map of a class is laid beside the map of a query, and two blocks and two linear layers turn
the pair into one number. Pooling is in the first two blocks of the backbone only, so that maps stay
large.

Departures: the mean of a class's maps, not their sum, so that shots can differ; convolutions keep
the size of a map, which those for 84-pixel images did not; normalisation keeps ordinary running
averages (the released ones are those of the last batch); predictions are told before the sigmoid.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.base import FewShotMethod, Objective, Setup, Traits
from fewshot_bench.nn.backbone import Backbone, Stage, build_backbone
from fewshot_bench.nn.conv4 import ConvBlock
from fewshot_bench.nn.heads import init_linear, linear, prototypes
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import Params, merge

POOLED = 2  # blocks of the backbone that halve height and width
HIDDEN = 8
Criterion = Literal["squared-error", "cross-entropy"]


@dataclass(frozen=True)
class RelationNet(FewShotMethod):
    """A backbone, and a network on pairs of its maps.

    Attributes:
        embedding: images to maps (B, C, H, W).
        relation: maps (B, 2 C, H, W) of pairs, the class first, to features.
        criterion: squared error of the sigmoid to 1 for the true pair and 0 for others, or
            cross-entropy over the classes.
    """

    embedding: Backbone
    relation: Backbone
    criterion: Criterion = "squared-error"

    @property
    def traits(self) -> Traits:
        """A pair is scored by itself, normalised by running averages at test."""
        return Traits(setting="inductive")

    def init(self, generator: torch.Generator) -> Params:
        """Parameters ``backbone.*`` and ``relation.*``."""
        sizes = (("fc1", self.relation.feature_dim, HIDDEN), ("fc2", HIDDEN, 1))
        layers = (init_linear(f"relation.{name}", a, b, generator) for name, a, b in sizes)
        return merge([self.embedding.init(generator), self.relation.init(generator), *layers])

    def episode_loss(self, params: Params, episode: Episode) -> Objective:
        """Support and query share batch statistics, and so do all pairs."""
        mode = NormMode(training=True)
        scores = self._scores(params, episode, mode)
        if self.criterion == "cross-entropy":
            return Objective(F.cross_entropy(scores, episode.targets), mode.seen)
        return Objective(squared_error(scores.sigmoid(), episode.targets), mode.seen)

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Scores (Q, n_way) before the sigmoid."""
        return self._scores(params, episode, NormMode(training=False))

    def _scores(self, params: Params, episode: Episode, mode: NormMode) -> Tensor:
        images = torch.cat([episode.support, episode.query])
        maps = self.embedding(params, images, mode, last=len(self.embedding.stages))
        support, query = torch.tensor_split(maps, [len(episode.support)])
        classes = prototypes(support.flatten(1), episode.support_labels, episode.n_way)
        classes = classes.view(-1, *maps.shape[1:])
        shape = (len(query), episode.n_way, *maps.shape[1:])
        pairs = [classes.unsqueeze(0).expand(shape), query.unsqueeze(1).expand(shape)]
        features = self.relation(params, torch.cat(pairs, dim=2).flatten(0, 1), mode)
        hidden = F.relu(linear(params, "relation.fc1", features))
        return linear(params, "relation.fc2", hidden).view(shape[:2])


def squared_error(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean over all pairs of (Q, N) scores in [0, 1] and int64 (Q,) labels."""
    return F.mse_loss(scores, one_hot(labels, scores.shape[1], scores.dtype))


def relation_net(setup: Setup, criterion: Criterion = "squared-error") -> RelationNet:
    """Compose RelationNet.

    Args:
        setup: what it is built for.
        criterion: what pairs are judged by in training.

    Raises:
        ConfigError: a backbone whose blocks can't leave out pooling.
    """
    embedding = _with_large_maps(build_backbone(setup.backbone, setup.image, bn="running"), setup)
    width = embedding.stages[-1].out_channels
    side, blocks = setup.image.size // 2**POOLED, []
    for i in range(2):
        pool = side > 1
        channels = width if i else 2 * width
        blocks.append(ConvBlock(f"relation.block{i + 1}", channels, width, "running", pool=pool))
        side = side // 2 if pool else side
    relation = Backbone(tuple(blocks), feature_dim=width * side * side, pool=False)
    return RelationNet(embedding, relation, criterion)


def _with_large_maps(backbone: Backbone, setup: Setup) -> Backbone:
    stages: list[Stage] = []
    for i, stage in enumerate(backbone.stages):
        if not dataclasses.is_dataclass(stage) or not hasattr(stage, "pool"):
            raise ConfigError(
                f"relation-net needs blocks that can leave out pooling, which those of"
                f" {setup.backbone} can't; take conv4-* or resnet12"
            )
        stages.append(dataclasses.replace(stage, pool=i < POOLED))
    return dataclasses.replace(backbone, stages=tuple(stages))
