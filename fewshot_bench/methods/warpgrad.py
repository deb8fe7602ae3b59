"""WarpGrad: learned 3x3 convolutions between the blocks shape the inner gradients.

Flennerhag, Rusu, Pascanu, Visin, Yin, Hadsell: Meta-Learning with Warped Gradient Descent, 2019,
arXiv 1909.00025.

The inner loop moves the blocks and the head, the outer loop learns warps and initialisation.

* ``warpgrad[one-step]`` is the paper's objective: warps learn from single steps that start at the
  points of the inner trajectory, the initialisation by MAML.
* ``warpgrad`` departs from it: both learn from the query loss through the whole unroll, which takes
  half the time.

The warps are linear (the paper allows any layers), start as identity, and the weight of both terms
of the objective is 1.
"""

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import maml
from fewshot_bench.methods.options import Count, MetaOrder, PlainNorm, Rate, Steps
from fewshot_bench.methods.wrapped import WrappedLearner
from fewshot_bench.nn.params import Params, subset
from fewshot_bench.nn.warp import WarpedBlock


@dataclass(frozen=True)
class OneStepWarps(WrappedLearner):
    """A learner with warps that learn from one inner step at a time, whatever led there.

    Attributes:
        learner: as it adapts at test; what is not a warp learns through its whole unroll.
    """

    def episode_loss(self, params: Params, episode: Episode) -> tuple[Tensor, Params]:
        """The learner's loss, its warps held constant, plus the mean over its points of one step's.

        The points are constants too, so each term teaches its own part only.
        """
        warps = {name: value.detach() for name, value in subset(params, "warp").items()}
        loss, seen = self.learner.episode_loss(params | warps, episode)
        step = dataclasses.replace(self.learner, steps=1)
        losses = [step.episode_loss(params | p, episode)[0] for p in self._points(params, episode)]
        return loss + torch.stack(losses).mean(), seen

    def _points(self, params: Params, episode: Episode) -> Iterator[Params]:
        """Where each inner step starts, without a graph."""
        walk = dataclasses.replace(self.learner, order=0).path(params, episode)
        for point in itertools.islice(walk, self.learner.steps):
            yield {name: value.detach() for name, value in point.items()}


def warpgrad(
    setup: Setup,
    order: MetaOrder = 2,
    steps: Count = 5,
    test_steps: Steps = 10,
    lr: Rate = 0.1,
    one_step: bool = False,
    bn: PlainNorm = "batch",
) -> GradientLearner | OneStepWarps:
    """Compose WarpGrad.

    Args:
        setup: what it is built for.
        order: see :func:`fewshot_bench.methods.maml.maml`.
        steps: inner steps in training.
        test_steps: inner steps at test.
        lr: inner learning rate.
        one_step: the paper's objective for the warps.
        bn: see :mod:`fewshot_bench.nn.norm`.
    """
    learner = maml(setup, order, steps, test_steps, lr, bn)
    learner = dataclasses.replace(learner, backbone=learner.backbone.wrapped(WarpedBlock))
    return OneStepWarps(learner) if one_step else learner
