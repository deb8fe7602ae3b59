"""Many networks of one shape trained at once, each with its own loss.

Candidates of a search differ in their losses only: they start from the same weights and see the
same batches. So their networks are one stack, with a dimension in front of every parameter, and
an operation on the stack costs little more than on one small network.
"""

import torch
from torch import Tensor

from fewshot_bench.nn.norm import NormMode, blend
from fewshot_bench.nn.params import Params, trainable
from fewshot_bench.search.batched_mlp import forward, layers, named
from fewshot_bench.search.gradients import Losses
from fewshot_bench.supervised.data import Examples, SupervisedData
from fewshot_bench.supervised.models import MLP, Model
from fewshot_bench.supervised.train import (
    EVALUATION_BATCH,
    WEIGHTS,
    Recipe,
    batches,
    errors,
    generator,
    leaves,
)


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
    model: Model, data: SupervisedData, losses: Losses, recipe: Recipe, seed: int
) -> tuple[Params, Tensor]:
    """As :func:`fewshot_bench.supervised.train.train` for each of K losses.

    Returns:
        Stacked parameters; and bool (K,), false where a loss was not finite at any time, whose
        parameters mean nothing.
    """
    params = copies(model.init(generator(seed, WEIGHTS)), len(losses))
    weights = trainable(params)
    sgd = recipe.torch_optimizer(list(weights.values()))
    alive = torch.ones(len(losses), dtype=torch.bool)
    stream = batches(data, "train", recipe.batch_size, seed)
    for _ in range(recipe.steps):
        x, y = next(stream)
        values, seen, grads = stacked_gradients(model, params, x, y, losses)
        alive &= values.isfinite()
        if not alive.any():
            break
        for name, weight in weights.items():
            weight.grad = grads[name].contiguous()  # the fused step asks for it and does not look
        sgd.step()
        blend(params, seen)
    return params, alive


def stacked_gradients(
    model: Model, params: Params, x: Tensor, y: Tensor, losses: Losses
) -> tuple[Tensor, Params, Params]:
    """Mean losses (K,) of stacked networks on one batch, their batch statistics and gradients."""
    if isinstance(model, MLP):
        stack = forward(layers(model, params), x)
        values, of_outputs = losses.gradients(stack.outputs, y)
        return values, {}, named(stack.gradients(of_outputs))
    params = leaves(params)
    weights = trainable(params)
    outputs, seen = stacked_outputs(model, params, x, training=True)
    values, of_outputs = losses.gradients(outputs.detach(), y)
    grads = torch.autograd.grad(outputs, list(weights.values()), of_outputs, materialize_grads=True)
    return values, seen, dict(zip(weights, grads, strict=True))


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
