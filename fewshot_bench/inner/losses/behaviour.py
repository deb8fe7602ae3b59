"""How hard a classification loss pushes at the target's output: at the start, and near 0 and 1.

A loss acts on a network by its gradient in the logits alone. With the target's probability p and
all other classes equally likely, the gradient has one free number: the push -dM/dz_t on the
target's logit; every other logit gets an equal share of the opposite. It is 1 - p for
cross-entropy.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.per_output import criterion
from fewshot_bench.inner.protocols import InnerLoss

NEAR = 1e-4  # distance from 0 and 1: losses that were found have guards further out
STEPS = 4001
FURTHEST = 16.0  # log-odds


@dataclass(frozen=True)
class Push:
    """Pushes on the target's logit; positive ones raise its probability.

    Attributes:
        start: where all classes are equally likely.
        near_zero: at p = 1e-4.
        near_one: at p = 1 - 1e-4.
        satisfied: largest p at which the push turns from positive to negative, so that the loss
            has a minimum; None where it never does.
    """

    start: float
    near_zero: float
    near_one: float
    satisfied: float | None


def behaviour(loss: InnerLoss, n_classes: int) -> Push:
    """Pushes of a loss with nothing left to learn.

    Args:
        loss: of class probabilities.
        n_classes: C, at least 2.

    Raises:
        ConfigError: fewer than two classes.
    """
    if n_classes < 2:
        raise ConfigError(f"a classification has at least 2 classes, not {n_classes}")
    places = torch.tensor([1 / n_classes, NEAR, 1 - NEAR], dtype=torch.float64)
    start, low, high = pushes(loss, places, n_classes).tolist()
    return Push(start, low, high, _satisfied(loss, n_classes))


def pushes(loss: InnerLoss, probabilities: Tensor, n_classes: int) -> Tensor:
    """Push -dM/dz_t at each of these probabilities (N,) of the target, all others being equal."""
    logits = _logits(probabilities, n_classes).requires_grad_()
    labels = torch.zeros(len(logits), dtype=torch.int64)
    mean = criterion(loss, {}, "classification")(logits, labels)
    [grad] = torch.autograd.grad(mean, [logits], materialize_grads=True)
    return -grad[:, 0] * len(logits)


def losses_at(loss: InnerLoss, probabilities: Tensor, n_classes: int) -> Tensor:
    """Loss of one instance at each of these probabilities (N,), all others being equal."""
    label = torch.zeros(1, dtype=torch.int64)
    judge = criterion(loss, {}, "classification")
    with torch.no_grad():
        return torch.stack([judge(row[None], label) for row in _logits(probabilities, n_classes)])


def _logits(probabilities: Tensor, n_classes: int) -> Tensor:
    """Logits (N, C) with the target first and zeros elsewhere."""
    logits = probabilities.new_zeros(len(probabilities), n_classes)
    logits[:, 0] = probabilities.logit() + torch.tensor(n_classes - 1.0).log()
    return logits


def _satisfied(loss: InnerLoss, n_classes: int) -> float | None:
    odds = torch.linspace(-FURTHEST, FURTHEST, STEPS, dtype=torch.float64)
    push = pushes(loss, odds.sigmoid(), n_classes)
    turns = ((push[:-1] > 0) & (push[1:] < 0)).nonzero()[:, 0].tolist()
    if not turns:
        return None
    before = turns[-1]
    share = push[before] / (push[before] - push[before + 1])
    return float(torch.lerp(odds[before], odds[before + 1], share).sigmoid())
