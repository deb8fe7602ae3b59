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

from fewshot_bench.data.loader import Episode
from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.base import Objective, Setup
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import maml
from fewshot_bench.methods.options import InnerOptions
from fewshot_bench.nn.params import Params, subset
from fewshot_bench.nn.warp import WarpedBlock


@dataclass(frozen=True)
class OneStepWarps(Delegating):
    """A learner with warps that learn from one inner step at a time, whatever led there.

    Attributes:
        method: as it adapts at test; what is not a warp learns through its whole unroll.
    """

    method: GradientLearner

    def episode_loss(self, params: Params, episode: Episode) -> Objective:
        """The learner's loss, its warps held constant, plus the mean over its points of one step's.

        The points are constants too, so each term teaches its own part only.
        """
        warps = {name: value.detach() for name, value in subset(params, "warp").items()}
        whole = self.method.episode_loss(params | warps, episode)
        step = dataclasses.replace(self.method, steps=1)
        points = self._points(params, episode)
        losses = [step.episode_loss(params | point, episode).loss for point in points]
        return Objective(whole.loss + torch.stack(losses).mean(), whole.statistics)

    def _points(self, params: Params, episode: Episode) -> Iterator[Params]:
        """Where each inner step starts, without a graph."""
        walk = self.method.task(params, episode).path(self.method.steps, order=0)
        for point in itertools.islice(walk, self.method.steps):
            yield {name: value.detach() for name, value in point.items()}


def warpgrad(
    setup: Setup,
    inner: InnerOptions = InnerOptions(lr=0.1),  # noqa: B008 - frozen
    one_step: bool = False,
) -> GradientLearner | OneStepWarps:
    """Compose WarpGrad.

    Args:
        setup: what it is built for.
        inner: see :func:`fewshot_bench.methods.maml.maml`; at least one step.
        one_step: the paper's objective for the warps.

    Raises:
        ConfigError: no inner steps, so that nothing would teach the warps.
    """
    if not inner.steps:
        raise ConfigError("warps learn from inner steps; set options.steps to 1 or more")
    learner = maml(setup, inner)
    learner = dataclasses.replace(learner, embedding=learner.embedding.wrapped(WarpedBlock))
    return OneStepWarps(learner) if one_step else learner
