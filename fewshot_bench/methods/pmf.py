"""P>M>F: pre-train, meta-train, fine-tune.

Hu, Li, Stuehmer, Kim, Hospedales: Pushing the Limits of Simple Pipelines for Few-Shot Learning,
2022, arXiv 2204.07305.

The second phase is a prototypical network with cosines. At test the backbone is tuned on the
support set: its images are the support, changed copies of them are the queries, and class means are
taken anew in every step. The rate is to be chosen once for a benchmark on validation classes, as
the authors choose it for a domain (from 0, 1e-4, 1e-3 and 1e-2); ``rates`` chooses it in each
episode, on images that are held out, which one shot does not allow.

Departures: normalisation keeps its running averages while a task is tuned, and the copies' shift is
at most an eighth of the side. The authors' bias in front of the scale is the same for all classes
and changes nothing.
"""

import dataclasses
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.diff_augment import augmented
from fewshot_bench.data.loader import Episode
from fewshot_bench.inner.optimizers.adam import Adam
from fewshot_bench.inner.unroll import unroll
from fewshot_bench.methods.base import Setup, Traits
from fewshot_bench.methods.classifiers.prototypes import CosineMean
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.methods.options import Share, Steps, Weight
from fewshot_bench.nn.backbone import build_backbone
from fewshot_bench.nn.params import Params, subset, trainable


@dataclass(frozen=True)
class SupportTuned(Delegating):
    """An embedding that is tuned on changed copies of the support images before it predicts.

    Attributes:
        method: embedding and classifier; trained as they are.
        steps: of Adam.
        lr: its rate; 0 leaves the embedding as it is.
        rates: candidates among which each episode chooses; where it can't, ``lr`` goes.
        share: chance of each kind of change of a copy.
    """

    method: EmbeddingLearner
    steps: int = 40
    lr: float = 1e-3
    rates: tuple[float, ...] = ()
    share: float = 0.9

    @property
    def traits(self) -> Traits:
        """Copies are drawn for each episode, which no map over tasks can do."""
        return dataclasses.replace(self.method.traits, maps=False)

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Query logits (Q, n_way)."""
        with torch.no_grad():
            # The order of images and classes follows from the images, not from their positions and
            # numbers: copies are drawn in it, and many steps of Adam amplify its rounding.
            order = episode.support.flatten(1).double().sum(dim=1).argsort(stable=True)
            images, labels = episode.support[order], episode.support_labels[order]
            numbers = by_appearance(labels, episode.n_way)
            ordered = dataclasses.replace(episode, support=images, support_labels=numbers[labels])
            tuned = self._tuned(params, ordered, self._rate(params, ordered))
            return self.method.predict(tuned, ordered)[:, numbers]

    def _tuned(self, params: Params, episode: Episode, lr: float) -> Params:
        """All parameters, the backbone's after the steps."""
        images, labels, generator = episode.support, episode.support_labels, episode.generator()

        def objective(moved: Params, step: int) -> Tensor:  # noqa: ARG001
            now = params | moved
            support = self.method.embed(now, images)
            copies = self.method.embed(now, augmented(images, generator, self.share))
            logits = self.method.classify(now, support, labels, copies, episode.n_way)
            return F.cross_entropy(logits, labels)

        moved = trainable(subset(params, "backbone"))
        steps = self.steps if lr else 0
        for after in unroll(objective, moved, Adam(lr), {}, n_steps=steps, order=0):
            moved = after
        return params | moved

    def _rate(self, params: Params, episode: Episode) -> float:
        """The candidate that does best on what is held out, of equals the smallest."""
        labels = episode.support_labels
        kept = torch.stack([(labels == c).nonzero()[0, 0] for c in range(episode.n_way)])
        held = torch.ones_like(labels, dtype=torch.bool).index_fill(0, kept, False)
        if not self.rates or not held.any():
            return self.lr
        trial = dataclasses.replace(
            episode,
            support=episode.support[kept],
            support_labels=labels[kept],
            query=episode.support[held],
            query_labels=None,
        )

        def correct(lr: float) -> int:
            logits = self.method.predict(self._tuned(params, trial, lr), trial)
            return int((logits.argmax(dim=1) == labels[held]).sum())

        return max(sorted(self.rates), key=correct)


def by_appearance(labels: Tensor, n_way: int) -> Tensor:
    """New numbers of the classes 0 .. n_way - 1, int64 (n_way,): the first to appear gets 0.

    >>> by_appearance(torch.tensor([2, 0, 2, 1]), 3).tolist()
    [1, 2, 0]
    """
    first = (labels == torch.arange(n_way, device=labels.device)[:, None]).long().argmax(dim=1)
    return first.argsort().argsort()


def pmf(
    setup: Setup,
    steps: Steps = 40,
    lr: Weight = 1e-3,
    rates: tuple[Weight, ...] = (),
    share: Share = 0.9,
) -> SupportTuned:
    """Compose P>M>F.

    Args:
        setup: what it is built for.
        steps: of Adam, at test.
        lr: its rate; 0 leaves the embedding as it is.
        rates: candidates among which each episode of several shots chooses.
        share: chance of each kind of change of a copy.
    """
    learner = EmbeddingLearner(
        embedding=build_backbone(setup.backbone, setup.image, bn="running"),
        classifier=CosineMean(scale=10.0, learned=True),
    )
    return SupportTuned(learner, steps, lr, rates, share)
