"""L2F: a task forgets some of the initialisation, layer by layer, before it learns.

Baik, Hong, Lee: Learning to Forget for Meta-Learning, 2019, arXiv 1906.05895.

Each adapted tensor is multiplied by a number between 0 and 1 before the first inner step. A small
network makes these numbers from the mean gradient of each tensor at the initialisation. After that
it is MAML.

Departures: the numbers begin near 1, the network's last bias being 4; with the released start about
half of every weight is forgotten at once, the scales of normalisation included. Not here: the parts
of MAML++ that the released code is built on.
"""

import dataclasses
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.inner.unroll import gradients
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import maml
from fewshot_bench.methods.options import InnerOptions
from fewshot_bench.methods.task import Task
from fewshot_bench.nn.heads import init_linear, linear
from fewshot_bench.nn.params import Params, merge

ATTENUATOR = "attenuator"
KEPT = 4.0  # logit of the share that is kept at first: 0.982


@dataclass(frozen=True)
class Attenuated(GradientLearner):
    """A gradient learner whose tasks begin with a part of the initialisation."""

    def init(self, generator: torch.Generator) -> Params:
        """And two layers ``attenuator.*`` on a number for each adapted tensor."""
        size = self.n_adapted
        first, last = (
            init_linear(f"{ATTENUATOR}.linear{i + 1}", size, size, generator) for i in range(2)
        )
        last[f"{ATTENUATOR}.linear2.bias"] += KEPT
        return merge([super().init(generator), first, last])

    def task(self, params: Params, episode: Episode, *, training: bool = True) -> Task:
        """See :meth:`GradientLearner.task`."""
        return AttenuatedTask(self, params, episode, training=training)


class AttenuatedTask(Task):
    """A task that begins with a part of the initialisation."""

    def __init__(
        self, learner: GradientLearner, params: Params, episode: Episode, *, training: bool
    ) -> None:
        super().__init__(learner, params, episode, training=training)
        order = learner.order if training else 0
        slopes = gradients(self.support_loss, self.initial, 0, order)
        names = sorted(self.initial)  # an order that does not depend on who made the dict
        kept = shares(params, torch.stack([slopes[name].mean() for name in names]))
        pairs = zip(names, kept, strict=True)
        self.initial = {name: share * self.initial[name] for name, share in pairs}


def shares(params: Params, means: Tensor) -> Tensor:
    """Mean gradients (L,) of the tensors to what is kept of each, (L,) in (0, 1)."""
    x = F.relu(linear(params, f"{ATTENUATOR}.linear1", means))
    return linear(params, f"{ATTENUATOR}.linear2", x).sigmoid()


def l2f(
    setup: Setup,
    inner: InnerOptions = InnerOptions(test_steps=5),  # noqa: B008 - frozen
) -> Attenuated:
    """Compose L2F.

    Args:
        setup: what it is built for.
        inner: steps, rate, order and normalisation.
    """
    learner = maml(setup, inner)
    return Attenuated(**{f.name: getattr(learner, f.name) for f in dataclasses.fields(learner)})
