"""Reptile: move the initialisation towards where each task's training ends.

Nichol, Achiam, Schulman: On First-Order Meta-Learning Algorithms, 2018, arXiv 1803.02999.

A task is trained for a few steps on mini-batches of all its images (training makes no use of the
split into support and query), and theta moves along theta_task - theta. At test the support set is
learned as a whole, then queries are classified one by one, or together with ``transductive=True``:
batch normalisation uses the statistics of the batch at hand, so the two differ by points.

Departures: that difference is handed to the trainer as a meta-gradient, so Adam with the trainer's
schedule takes the outer step, the paper takes it plainly with a rate that falls from 1 to 0; the
moments of the inner Adam begin anew in every task; test steps use the whole support set, not
mini-batches of it.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.inner.optimizers.adam import Adam
from fewshot_bench.inner.unroll import unroll
from fewshot_bench.methods.base import Objective, Setting, Setup, Traits
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import maml
from fewshot_bench.methods.options import Count, InnerOptions, Rate, Steps
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Reptile(Delegating):
    """A gradient learner trained without a query loss.

    Attributes:
        method: network and inner loop.
        batch: images of an inner step in training; 0 for all of the task's.
        transductive: classify all queries in one batch.
    """

    method: GradientLearner
    batch: int = 10
    transductive: bool = False

    @property
    def traits(self) -> Traits:
        """An episode draws the order of its images; only a joint batch lets queries see others."""
        setting: Setting = "transductive_bn" if self.transductive else "inductive"
        return dataclasses.replace(self.method.traits, setting=setting, maps=False)

    def episode_loss(self, params: Params, episode: Episode) -> Objective:
        """Half the squared distance to the trained task, whose gradient is theta - theta_task."""
        theta = self.method.adapted_part(params)
        trained = self._train(params, theta, episode)
        distances = [(theta[name] - trained[name]).square().sum() for name in theta]
        return Objective(0.5 * torch.stack(distances).sum())

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Query logits (Q, n_way)."""
        if self.transductive:
            return self.method.predict(params, episode)
        with torch.no_grad():
            task = self.method.task(params, episode, training=False)
            adapted = params | task.adapted(self.method.test_steps, 0)
            alone = (torch.cat([episode.support, query.unsqueeze(0)]) for query in episode.query)
            mode = NormMode(training=False)
            return torch.stack([self.method.logits(adapted, x, mode)[-1] for x in alone])

    def _train(self, params: Params, theta: Params, episode: Episode) -> Params:
        images = torch.cat([episode.support, episode.query])
        labels = torch.cat([episode.support_labels, episode.targets])
        rows = list(self._batches(len(images), episode.generator()))

        def objective(adapted: Params, step: int) -> Tensor:
            chosen = rows[step].to(images.device)
            logits = self.method.logits(params | adapted, images[chosen], NormMode(training=True))
            return F.cross_entropy(logits, labels[chosen])

        optimizer = self.method.optimizer
        *_, trained = unroll(objective, theta, optimizer, {}, n_steps=len(rows), order=0)
        return trained

    def _batches(self, n_images: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Rows of the images for each inner step: shuffled, and all used before one comes again."""
        size = min(self.batch or n_images, n_images)
        rounds = math.ceil(self.method.steps * size / n_images)
        rows = [torch.randperm(n_images, generator=generator) for _ in range(rounds)]
        yield from torch.split(torch.cat(rows), size)[: self.method.steps]


def reptile(
    setup: Setup,
    steps: Count = 8,
    test_steps: Steps = 50,
    lr: Rate = 1e-3,
    batch: Steps = 10,
    transductive: bool = False,
) -> Reptile:
    """Compose Reptile.

    Args:
        setup: what it is built for.
        steps: inner steps in training.
        test_steps: inner steps at test.
        lr: inner learning rate of Adam (with beta1 = 0).
        batch: images of an inner step in training; 0 for all of the task's.
        transductive: classify all queries in one batch.
    """
    learner = maml(setup, InnerOptions(steps=steps, test_steps=test_steps))
    learner = dataclasses.replace(learner, optimizer=Adam(lr, beta1=0.0))
    return Reptile(learner, batch, transductive)
