"""Pre-training: the backbone as an ordinary classifier of the training classes.

Stochastic gradient descent on mini-batches of augmented images; the parameters kept are those with
the best accuracy of nearest class means (prototypes) on episodes of the validation classes, which
the classifier never saw. The classifier's own head is thrown away.

Batch normalisation keeps running averages here, whatever the method that starts from it does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from fewshot_bench.config import PretrainConfig
from fewshot_bench.data.image_loader import ImageBatch, ImageLoader
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.errors import TrainingError
from fewshot_bench.evaluation.predict import accuracy
from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.nn.heads import HEAD, init_linear, linear
from fewshot_bench.nn.norm import NormMode, blend
from fewshot_bench.nn.params import Params, merge
from fewshot_bench.training.fit import Observer, Plan, State, fit, learned_by
from fewshot_bench.training.schedule import cosine

Criterion = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Pretraining:
    """A step of the classifier.

    Attributes:
        network: holds the backbone; its prototypes judge it.
        train: mini-batches of the training classes.
        val: episodes of the validation classes.
        config: numbers of steps and images.
        criterion: (B, C) logits and int64 (B,) labels to a scalar.
    """

    network: EmbeddingLearner
    train: ImageLoader
    val: EpisodeLoader
    config: PretrainConfig
    criterion: Criterion

    def batches(self, start: int) -> Iterator[ImageBatch]:
        """Mini-batches; their images and augmentations follow from the step."""
        return self.train.batches(start, self.config.steps)

    def accumulate(self, params: Params, batch: ImageBatch, step: int) -> float:
        """Gradient of the classification loss."""
        mode = NormMode(training=True)
        features = self.network.embedding(params, batch.images, mode)
        loss = self.criterion(linear(params, HEAD, features), batch.labels)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"pre-training diverged in step {step + 1}: the loss is {loss.item()};"
                " the last good checkpoint is kept; lower pretrain.lr"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        blend(params, mode.seen)
        return float(loss.item())

    def suspect(self, params: Params, batch: ImageBatch, step: int) -> str:  # noqa: ARG002
        """All images of a batch make one loss."""
        return ""

    def validate(self, params: Params) -> float:
        """Accuracy of prototypes on unseen classes."""
        return float(accuracy(self.network, params, self.val, self.config.val_episodes).mean())


def pretrain(work: Pretraining, seed: int, folder: Path, observer: Observer) -> State:
    """Train the classifier, or go on training it.

    Args:
        work: network, images and configuration.
        seed: of the initial weights.
        folder: see :func:`fewshot_bench.training.fit.fit`.
        observer: told of the progress.

    Returns:
        State whose parameters are the backbone and a head that nobody needs any more.
    """
    generator = torch.Generator().manual_seed(seed)
    backbone, config = work.network.embedding, work.config
    head = init_linear(HEAD, backbone.feature_dim, work.train.n_classes, generator)
    start = merge([backbone.init(generator), head])
    plan = Plan(
        config.steps,
        config.val_every,
        lambda step: cosine(step, config.steps, config.lr, 0.0),
        lambda learned: torch.optim.SGD(
            learned,
            lr=config.lr,
            momentum=config.momentum,
            nesterov=config.momentum > 0,
            weight_decay=config.weight_decay,
        ),
    )
    params = learned_by(start, work.train.device, lambda name: False)  # noqa: ARG005
    return fit(params, plan, work, folder, observer)
