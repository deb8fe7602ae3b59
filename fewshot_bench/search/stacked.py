"""Many networks of one shape trained at once, each with its own loss.

Candidates of a search differ in their losses only: they start from the same weights and see the
same batches. So their networks are one stack, with a dimension in front of every parameter, and
an operation on the stack costs little more than on one small network.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.nn.norm import NormMode, blend
from fewshot_bench.nn.params import Params, trainable
from fewshot_bench.supervised.data import Examples, SupervisedData
from fewshot_bench.supervised.models import Model
from fewshot_bench.supervised.train import (
    EVALUATION_BATCH,
    LOSS,
    WEIGHTS,
    Recipe,
    batches,
    errors,
    generator,
    leaves,
)

PairLoss = Callable[[Tensor, Tensor], Tensor]  # predictions and targets (N, C) to losses (N,)


def pairs(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """What a loss is shown.

    Args:
        outputs: (..., N, C) logits, or outputs of a regression.
        targets: int64 (N,) class numbers, which make it a classification, or float (N, C).

    Returns:
        Probabilities (..., N, C) and one-hot targets (N, C); for regression both as they are.
    """
    if targets.is_floating_point():
        return outputs, targets
    return outputs.softmax(-1), F.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)


def mean_losses(losses: Sequence[PairLoss], outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean loss (K,) of outputs (K, N, C), each by its own of K losses."""
    predictions, wanted = pairs(outputs, targets)
    rows = zip(losses, predictions.unbind(), strict=True)
    return torch.stack([loss(prediction, wanted) for loss, prediction in rows]).mean(-1)


def copies(params: Params, k: int) -> Params:
    """K copies of all parameters, stacked in front."""
    return {name: value.expand(k, *value.shape).clone() for name, value in params.items()}


def stacked_outputs(
    model: Model, params: Params, x: Tensor, training: bool
) -> tuple[Tensor, Params]:
    """Outputs (K, N, C) of stacked networks on one batch, and their batch statistics."""

    def one(params: Params) -> tuple[Tensor, Params]:
        mode = NormMode(training)
        return model(params, x, mode), mode.seen

    outputs, seen = torch.func.vmap(one)(params)
    return outputs, seen


def train_stacked(
    model: Model, data: SupervisedData, losses: Sequence[PairLoss], recipe: Recipe, seed: int
) -> tuple[Params, Tensor]:
    """As :func:`fewshot_bench.supervised.train.train` for each of K losses.

    Returns:
        Stacked parameters; and bool (K,), false where a loss was not finite at any time, whose
        parameters mean nothing.
    """
    params = copies(model.init(generator(seed, WEIGHTS)), len(losses))
    optimizer = recipe.optimizer
    state = optimizer.start({}, trainable(params), generator(seed, LOSS))
    alive = torch.ones(len(losses), dtype=torch.bool)
    stream = batches(data, "train", recipe.batch_size, seed)
    for step in range(recipe.steps):
        x, y = next(stream)
        params = leaves(params)
        weights = trainable(params)
        outputs, seen = stacked_outputs(model, params, x, training=True)
        values = mean_losses(losses, outputs, y)
        alive &= values.isfinite()
        if not alive.any():
            break
        grads = torch.autograd.grad(values.sum(), list(weights.values()), materialize_grads=True)
        with torch.no_grad():
            named = dict(zip(weights, grads, strict=True))
            moved, state = optimizer.step({}, named, state, weights, step)
        params = params | moved
        blend(params, seen)
    return params, alive


@torch.no_grad()
def stacked_errors(model: Model, params: Params, examples: Examples) -> Tensor:
    """Error (K,) of each of the stacked networks, float64: see :func:`errors`."""
    ids = torch.arange(len(examples))
    parts = []
    for chunk in torch.split(ids, EVALUATION_BATCH):
        x, y = examples.batch(chunk)
        outputs, _ = stacked_outputs(model, params, x, training=False)
        parts.append(errors(outputs, y))
    return torch.cat(parts, dim=1).mean(dim=1)
