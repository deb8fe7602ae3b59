"""Methods that embed each image by itself and then classify features.

    EmbeddingLearner(embedding, classifier, transform, refiner)

The embedding may be learned in episodes, as a classifier of the training classes, or not at all;
the rest turns a support set into a classifier of queries. The two are chosen apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.methods.base import EmbeddingMethod, Objective, Setting, Traits
from fewshot_bench.methods.parts import BASE_MEAN, Classifier, Refiner, Transform
from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.backbone import Backbone
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import Params, merge


def mean_feature(batches: Iterable[Tensor]) -> Tensor | None:
    """Mean (D,), float64, of the rows of all batches (B, D); None where there are none."""
    total, count = None, 0
    for batch in batches:
        rows = batch.double().sum(dim=0)
        total, count = rows if total is None else total + rows, count + len(batch)
    return None if total is None else total / count


class FeatureMethod(EmbeddingMethod):
    """What transforms, classifies and refines features, wherever they come from.

    Attributes:
        classifier: support features to a classifier.
        transform: changes features before; None leaves them.
        refiner: improves the assignments of all queries together; None for an inductive method.
    """

    classifier: Classifier
    transform: Transform | None
    refiner: Refiner | None

    @property
    def parts_on_features(self) -> list[Transform | Classifier | Refiner]:
        """The parts that there are."""
        parts = (self.transform, self.classifier, self.refiner)
        return [part for part in parts if part is not None]

    @property
    def setting(self) -> Setting:
        """A refiner sees all queries together, and so do some transforms."""
        shared = self.transform is not None and self.transform.uses_queries
        return "transductive" if shared or self.refiner else "inductive"

    @property
    def told_counts(self) -> bool:
        """Whether the refiner takes for granted how many queries each class has."""
        return self.refiner is not None and self.refiner.told_counts

    def classify(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """Transform, classify, refine; leading dimensions are those of episodes."""
        support, query = self.transformed(params, support, query)
        return self.decide(params, support, support_labels, query, n_way)

    def transformed(self, params: Params, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        """Features as the classifier sees them."""
        return (
            (support, query) if self.transform is None else self.transform(params, support, query)
        )

    def decide(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """Classify and refine transformed features."""
        logits = self.classifier(params, support, support_labels, query, n_way)
        if self.refiner is None:
            return logits
        sets = Sets.of(support, support_labels, query, n_way)
        return self.refiner(params, sets, logits)


@dataclass(frozen=True)
class EmbeddingLearner(FeatureMethod):
    """An embedding with a classifier on top; no inner loop.

    Attributes:
        embedding: images to features; at test by running averages.
        classifier: support features to a classifier.
        transform: changes features before; None leaves them.
        refiner: improves the assignments of all queries together; None for an inductive method.
        trains: whether embedding and parts are trained by episodes.
        stages: trainings before that.
    """

    embedding: Backbone
    classifier: Classifier
    transform: Transform | None = None
    refiner: Refiner | None = None
    trains: bool = True
    stages: tuple[str, ...] = ()

    @property
    def traits(self) -> Traits:
        """Follow from the parts."""
        return Traits(
            setting=self.setting,
            trains=self.trains,
            maps=all(part.maps for part in self.parts_on_features),
            stages=self.stages,
            told_counts=self.told_counts,
        )

    def init(self, generator: torch.Generator) -> Params:
        """Parameters and buffers of embedding and parts."""
        size = self.embedding.feature_dim
        learned = (part.init(size, generator) for part in self.parts_on_features)
        return merge([self.embedding.init(generator), *learned])

    def episode_loss(self, params: Params, episode: Episode) -> Objective:
        """Cross-entropy of the queries; support and query share batch statistics in training."""
        mode = NormMode(training=True)
        images = torch.cat([episode.support, episode.query])
        features = self.embedding(params, images, mode)
        support, query = torch.tensor_split(features, [len(episode.support)])
        support, query = self.transformed(params, support, query)
        logits = self.decide(params, support, episode.support_labels, query, episode.n_way)
        loss = F.cross_entropy(logits, episode.targets)
        items, labels = (
            torch.cat([support, query]),
            torch.cat([episode.support_labels, episode.targets]),
        )
        added = self.classifier.regulariser(params, items, labels, episode.n_way)
        return Objective(loss if added is None else loss + added, mode.seen)

    def embed(self, params: Params, images: Tensor) -> Tensor:
        """(B, C, H, W) images to (B, D) features, normalised by running averages."""
        return self.embedding(params, images, NormMode(training=False))

    def finish(self, params: Params, images: Iterable[Tensor]) -> Params:
        """The mean feature of the training images, for a transform that centres by it."""
        if BASE_MEAN not in params:
            return {}
        with torch.no_grad():
            mean = mean_feature(self.embed(params, batch) for batch in images)
        return {} if mean is None else {BASE_MEAN: mean.to(params[BASE_MEAN].dtype)}
