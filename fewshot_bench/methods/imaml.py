"""iMAML: the meta-gradient of where a task's training would end, not of the steps that led there.

Rajeswaran, Finn, Kakade, Levine: Meta-Learning with Implicit Gradients, 2019, arXiv 1909.04630.

A task minimises its inner loss L plus ``strength / 2 * |phi - theta|^2``. At the minimiser phi the
meta-gradient is g with ``(I + H / strength) g = dQ / dphi``, H the Hessian of L and Q the loss of
the queries; conjugate gradients solve it by products with H, so no graph of the steps is kept.

Departures: the pull towards theta is part of every inner step. The released code takes plain steps
and pulls back once, so that its phi is not the minimiser that the formula is about, and it solves
``(2 I + H / (strength + 10)) g = dQ / dphi``, which ``as_released`` does, too.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.inner.optimizers.proximal import proximal
from fewshot_bench.methods.base import Objective, Setup, Traits
from fewshot_bench.methods.classifiers.implicit import conjugate_gradients
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import maml
from fewshot_bench.methods.options import InnerOptions, PlainNorm, Rate, Steps
from fewshot_bench.nn.params import Params

EXTRA_IDENTITY, EXTRA_STRENGTH = 1.0, 10.0  # of the released code


def implicit_gradient(
    loss: Callable[[Params], Tensor],
    adapted: Params,
    outer: Params,
    strength: float,
    iterations: int,
    *,
    as_released: bool = False,
) -> Params:
    """The meta-gradient in the initial parameters.

    Args:
        loss: inner loss of the adapted parameters, without the pull.
        adapted: where the inner loss with its pull is least.
        outer: gradient of the outer loss there.
        strength: of the pull, above 0 unless there are no iterations.
        iterations: of conjugate gradients. With 0, and where the inner loss bends down along
            ``outer`` more than the pull bends up, it is ``outer`` itself, as for first-order MAML.
        as_released: the damped system of the authors' code.
    """
    leaves = {name: value.detach().requires_grad_() for name, value in adapted.items()}
    identity = 1 + EXTRA_IDENTITY * as_released
    divisor = strength + EXTRA_STRENGTH * as_released
    right = _flat(outer)
    if not iterations:
        return outer
    with torch.enable_grad():
        slope = _flat_gradient(loss(leaves), leaves, create_graph=True)

    def operator(direction: Tensor) -> Tensor:
        with torch.enable_grad():
            along = (slope * direction).sum()
            product = _flat_gradient(along, leaves, create_graph=False)
        return identity * direction + product / divisor

    found = conjugate_gradients(operator, right, tolerance=0.0, limit=iterations)
    return _named(found if found.any() else right, outer)


@dataclass(frozen=True)
class ImplicitMAML(Delegating):
    """A gradient learner whose inner loop is left out of the graph.

    Attributes:
        method: adapts by steps with a pull.
        strength: of the pull.
        iterations: of conjugate gradients.
        as_released: the damped system of the authors' code.
    """

    method: GradientLearner
    strength: float = 1.0
    iterations: int = 5
    as_released: bool = False

    @property
    def traits(self) -> Traits:
        """The linear solver decides by values, which no map over tasks can do."""
        return dataclasses.replace(self.method.traits, maps=False)

    def episode_loss(self, params: Params, episode: Episode) -> Objective:
        """Cross-entropy of the queries, with the implicit meta-gradient."""
        task, steps = self.method.task(params, episode), self.method.steps
        ended = task.adapted(steps, 0)
        adapted = {name: value.detach().requires_grad_() for name, value in ended.items()}
        loss = F.cross_entropy(task.query_logits(adapted, steps), episode.targets)
        outer = torch.autograd.grad(loss, list(adapted.values()))
        found = implicit_gradient(
            lambda phi: task.support_loss(phi, max(steps - 1, 0)),
            adapted,
            dict(zip(adapted, outer, strict=True)),
            self.strength,
            self.iterations,
            as_released=self.as_released,
        )
        # A sum of the value of the loss and of nothing, whose gradient is the implicit one.
        pairs = ((found[name], value) for name, value in task.initial.items())
        nothing = torch.stack([(slope * (v - v.detach())).sum() for slope, v in pairs]).sum()
        return Objective(loss.detach() + nothing, task.mode.seen)


def imaml(
    setup: Setup,
    steps: Steps = 16,
    test_steps: Steps = 16,
    lr: Rate = 0.01,
    strength: Rate = 1.0,
    iterations: Steps = 5,
    as_released: bool = False,
    bn: PlainNorm = "batch",
) -> ImplicitMAML:
    """Compose iMAML.

    Args:
        setup: what it is built for.
        steps: inner steps in training.
        test_steps: inner steps at test.
        lr: inner learning rate.
        strength: of the pull towards the initial parameters.
        iterations: of conjugate gradients; 0 is first-order MAML with the pull.
        as_released: the damped linear system of the authors' code.
        bn: policy of the normalisation.
    """
    learner = maml(setup, InnerOptions(steps=steps, test_steps=test_steps, bn=bn))
    learner = dataclasses.replace(learner, optimizer=proximal(lr, strength))
    return ImplicitMAML(learner, strength, iterations, as_released)


def _flat(params: Params) -> Tensor:
    """One column (n, 1)."""
    return torch.cat([value.reshape(-1, 1) for value in params.values()])


def _flat_gradient(value: Tensor, params: Params, *, create_graph: bool) -> Tensor:
    """Of a scalar in all parameters, (n, 1); the graph of the value stays."""
    found = torch.autograd.grad(
        value,
        list(params.values()),
        retain_graph=True,
        create_graph=create_graph,
        materialize_grads=True,
    )
    return _flat(dict(zip(params, found, strict=True)))


def _named(column: Tensor, like: Params) -> Params:
    sizes = [value.numel() for value in like.values()]
    pieces = torch.split(column, sizes)
    return {k: piece.view_as(v) for (k, v), piece in zip(like.items(), pieces, strict=True)}
