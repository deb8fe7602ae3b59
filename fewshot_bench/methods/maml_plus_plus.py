"""MAML++: MAML made stable, by a loss after every step and statistics of every step's own.

Antoniou, Edwards, Storkey: How to train your MAML, 2018, arXiv 1810.09502.

* Multi-step loss: the queries are judged after every inner step; the weight of all but the last
  falls to zero during the first part of training.
* Rates learned for each layer and inner step.
* Normalisation with running averages and affine parameters for each inner step. These are learned
  outside and do not move inside, as released.
* Derivative-order annealing: the outer gradient is of first order in the first part of training.
* Cosine annealing of the outer rate is the trainer's (``train.schedule``, its default).

Departures: at test the running averages are used, as the paper says and the released code does not
(it normalises every batch by itself), so this is inductive; weights change with every outer step
instead of every epoch; one model at test, not an ensemble of five.
"""

import dataclasses
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from fewshot_bench.data.loader import Episode
from fewshot_bench.inner.optimizers.layer_step_rates import LayerStepRates
from fewshot_bench.inner.unroll import Order
from fewshot_bench.methods.base import Objective, Setup
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import all_but_norm
from fewshot_bench.methods.options import Count, Rate, Share, Steps
from fewshot_bench.nn.backbone import build_backbone
from fewshot_bench.nn.params import Params

LEAST = 0.03  # of the even weight 1 / steps, while the multi-step loss lasts


@dataclass(frozen=True)
class Annealed(Delegating):
    """A gradient learner whose meta-objective changes during training.

    Attributes:
        method: what it is at test.
        multi_step: share of the training in which every inner step counts.
        first_order: share of the training, from its start, of first order.
        progress: share of the outer steps that are done.
    """

    method: GradientLearner
    multi_step: float
    first_order: float
    progress: float = 1.0

    def at(self, progress: float) -> "Annealed":
        """The method when this share of the training is done, in [0, 1)."""
        return dataclasses.replace(self, progress=progress)

    def episode_loss(self, params: Params, episode: Episode) -> Objective:
        """Weighted cross-entropy of the queries after every inner step; the last, at the end."""
        learner = self.method
        task = learner.task(params, episode)
        order: Order = 1 if self.progress < self.first_order else learner.order
        path = task.path(learner.steps, order)
        next(path)  # before the first step nothing is judged
        weights = step_weights(self.progress, learner.steps, self.multi_step)
        losses = [
            weight * F.cross_entropy(task.query_logits(adapted, done), episode.targets)
            for done, (weight, adapted) in enumerate(zip(weights, path, strict=True), 1)
            if weight
        ]
        return Objective(torch.stack(losses).sum(), task.mode.seen)


def step_weights(progress: float, steps: int, share: float) -> tuple[float, ...]:
    """Weights of the query losses after each of ``steps`` inner steps; they sum to 1.

    They start even; all but the last fall linearly, so as to reach 0 at ``progress = share``, but
    not below a small floor until then. The last takes the rest.
    """
    early = max(1 - progress / share, LEAST) / steps if progress < share else 0.0
    return (*[early] * (steps - 1), 1 - (steps - 1) * early)


def maml_plus_plus(
    setup: Setup,
    steps: Count = 5,
    test_steps: Steps = 5,
    lr: Rate = 0.01,
    multi_step: Share = 0.15,
    first_order: Share = 0.5,
) -> Annealed:
    """Compose MAML++.

    Args:
        setup: what it is built for.
        steps: inner steps in training.
        test_steps: inner steps at test; those beyond ``steps`` are like the last of them.
        lr: where the inner rates start.
        multi_step: share of the training with a loss after every step (paper: 15 of 100 epochs).
        first_order: share of the training of first order (paper: 50 of 100 epochs).
    """
    embedding = build_backbone(setup.backbone, setup.image, bn="per_step", n_steps=steps)
    learner = GradientLearner(
        embedding=embedding,
        n_way=setup.n_way,
        optimizer=LayerStepRates(lr, steps),
        adapt=all_but_norm(embedding),
        steps=steps,
        test_steps=test_steps,
        bn="per_step",
    )
    return Annealed(learner, multi_step, first_order)
