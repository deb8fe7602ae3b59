"""Learning a loss before it is used: one unrolled step from fresh weights, again and again.

This is how ML3 learns its network, how AdaLFL initialises its own, and EvoMAL's local search:

    repeat: theta <- fresh weights
            theta <- theta - alpha grad_theta M_phi(y, f_theta(x))              (training batch)
            phi   <- phi - eta grad_phi L_T(y_v, f_theta(x_v))                  (outer batch)
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.errors import TrainingError
from fewshot_bench.inner.losses.per_output import criterion
from fewshot_bench.inner.protocols import InnerLoss
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import Params
from fewshot_bench.supervised.data import PartName, SupervisedData
from fewshot_bench.supervised.models import Model
from fewshot_bench.supervised.train import (
    LOSS,
    WEIGHTS,
    Batch,
    Recipe,
    batches,
    begin,
    descend,
    generator,
    leaves,
    task_criterion,
)


@dataclass(frozen=True)
class OfflineRecipe:
    """How a loss is learned offline.

    Attributes:
        steps: updates of the loss, each from fresh weights.
        inner_steps: unrolled steps of the network in each.
        lr: of Adam on the loss.
        outer: part that the task loss is computed on.
    """

    steps: int = 250
    inner_steps: int = 1
    lr: float = 1e-3
    outer: PartName = "val"


def learn_offline(
    loss: InnerLoss,
    model: Model,
    data: SupervisedData,
    recipe: Recipe,
    offline: OfflineRecipe,
    seed: int,
    done: Callable[[int], None] = lambda _: None,
) -> Params:
    """Meta-parameters of a loss that makes first training steps good.

    Args:
        loss: what is learned; ``loss.init`` says where it starts.
        model: trained in every unrolled step.
        data: training batches and outer batches.
        recipe: the step rule, and the size of both batches.
        offline: how long and how fast.
        seed: of everything that is drawn.
        done: called after each update with the number of updates so far.

    Returns:
        phi, detached.

    Raises:
        TrainingError: the outer loss or its gradient is not finite.
    """
    phi = leaves(loss.init(generator(seed, LOSS)))
    adam = torch.optim.Adam(list(phi.values()), lr=offline.lr)
    weights = generator(seed, WEIGHTS)
    inner = batches(data, "train", recipe.batch_size, seed)
    outer = batches(data, offline.outer, recipe.batch_size, seed, outer=True)
    learned, optimizer = criterion(loss, phi, data.task), recipe.optimizer
    for step in range(offline.steps):
        now = begin(model, optimizer, weights)
        for i, batch in enumerate(itertools.islice(inner, offline.inner_steps)):
            after = descend(
                model,
                learned,
                optimizer,
                now,
                batch,
                differentiable=True,
                from_constants=i == 0,
            )
            if after is None:
                raise TrainingError(f"the learned loss is not finite in its update {step}")
            now = after
        update(adam, phi, outer_loss(model, data, now.params, next(outer)), step)
        done(step + 1)
    return {name: value.detach() for name, value in phi.items()}


def outer_loss(model: Model, data: SupervisedData, params: Params, batch: Batch) -> Tensor:
    """Task loss of the network as it is now."""
    x, y = batch
    return task_criterion(data.task)(model(params, x, NormMode(training=True)), y)


def update(adam: torch.optim.Optimizer, phi: Params, outer: Tensor, step: int) -> None:
    """One step of the loss's optimiser, phi in place.

    Raises:
        TrainingError: the outer loss or a gradient is not finite; phi is as it was.
    """
    grads = torch.autograd.grad(outer, list(phi.values()), materialize_grads=True)
    if not all(grad.isfinite().all() for grad in (outer, *grads)):
        raise TrainingError(f"what the loss is learned from is not finite in its update {step}")
    for value, grad in zip(phi.values(), grads, strict=True):
        value.grad = grad
    adam.step()
