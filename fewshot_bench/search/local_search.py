"""Local search: the weights of a loss learned by unrolled differentiation through one step.

    repeat: theta0 <- fresh weights;  theta1 <- theta0 - slope * g,  g = grad_theta M_phi(theta0)
            phi <- Adam on grad_phi of the task loss of theta1 on validation data

With J the derivative of the outputs in theta0 and v(phi) the gradient of M_phi in the outputs,
g = J^T v(phi). So for u, the gradient of the task loss in theta1,

    grad_phi = -slope * grad_phi <v(phi), J u>

which needs one Jacobian-vector product and no second derivative of the network. All candidates
share theta0 and the batches, hence also the forward pass before the step.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.symbolic import evaluate
from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import Params, trainable
from fewshot_bench.search.stacked import PairLoss, copies, mean_losses, stacked_outputs
from fewshot_bench.supervised.data import SupervisedData
from fewshot_bench.supervised.models import Model
from fewshot_bench.supervised.train import (
    WEIGHTS,
    Batch,
    Recipe,
    batches,
    generator,
    leaves,
    task_criterion,
)


def weighted(expressions: Sequence[Expression], weights: Sequence[Tensor]) -> list[PairLoss]:
    """Trees with these weights as losses, differentiable in weights that ask for gradients."""

    def one(expression: Expression, own: Tensor) -> PairLoss:
        edges = own.unbind() if own.requires_grad else own.tolist()
        return lambda prediction, target: evaluate(expression, edges, prediction, target).sum(-1)

    return [one(e, w) for e, w in zip(expressions, weights, strict=True)]


def tune(
    expressions: Sequence[Expression],
    start: Sequence[Tensor],
    model: Model,
    data: SupervisedData,
    recipe: Recipe,
    steps: int,
    lr: float,
    seed: int,
) -> list[Tensor]:
    """Learn the weights of K trees.

    Args:
        expressions: the trees.
        start: (n_edges,) weights of each.
        model: the network of the unrolled step.
        data: training batches and validation batches.
        recipe: the step rule and the batch size.
        steps: number of updates, each from fresh weights of the network.
        lr: of Adam.
        seed: of networks and batches, the same for all trees.

    Returns:
        Weights of each tree, not finite where learning failed.
    """
    phi = torch.cat(list(start)).requires_grad_()
    sizes = [len(w) for w in start]
    adam = torch.optim.Adam([phi], lr=lr)
    fresh = generator(seed, WEIGHTS)
    inner = batches(data, "train", recipe.batch_size, seed)
    outer = batches(data, "val", recipe.batch_size, seed)
    for _ in range(steps):
        losses = weighted(expressions, phi.split(sizes))  # type: ignore[no-untyped-call]
        params, pair = model.init(fresh), (next(inner), next(outer))
        phi.grad = hypergradient(losses, phi, model, params, pair, recipe.optimizer, data)
        adam.step()
    return [w.clone() for w in phi.detach().split(sizes)]  # type: ignore[no-untyped-call]


def hypergradient(
    losses: Sequence[PairLoss],
    phi: Tensor,
    model: Model,
    params: Params,
    pair: tuple[Batch, Batch],
    optimizer: SGD,
    data: SupervisedData,
) -> Tensor:
    """Gradient of the task losses after one step on each loss, summed over the losses.

    Args:
        losses: K losses, functions of phi.
        phi: all their weights, as a leaf of the graph.
        model: the network.
        params: where it starts.
        pair: the batch of the step, and the batch of the task loss.
        optimizer: the step rule.
        data: says which task loss.
    """
    (x, y), (held_x, held_y) = pair
    weights, k, slope = trainable(params), len(losses), _slope(optimizer)

    def outputs_of(weights: Params) -> Tensor:
        return model(params | weights, x, NormMode(training=True))

    outputs, pull_back = torch.func.vjp(outputs_of, weights)  # type: ignore[misc]
    free = outputs.detach().repeat(k, 1, 1).requires_grad_()
    values = mean_losses(losses, free, y)
    [v] = torch.autograd.grad(values.sum(), [free], create_graph=True)
    # Also keeps how the gradients follow from v, whose transpose is the product with J.
    (grads,), push = torch.func.vjp(torch.func.vmap(pull_back), v.detach())  # type: ignore[misc]
    # The step is linear in the gradient: what it does without one is the same for all losses.
    still = _first_step(optimizer, _zeros(weights), weights)
    moved = leaves({n: torch.add(still[n], g, alpha=-slope) for n, g in grads.items()})
    rest = copies({n: p for n, p in params.items() if n not in moved}, k)
    held, _ = stacked_outputs(model, rest | moved, held_x, training=True)
    task = k * task_criterion(data.task)(
        held.flatten(0, 1), held_y.repeat(k, *[1] * (held_y.dim() - 1))
    )
    u = dict(zip(moved, torch.autograd.grad(task, list(moved.values())), strict=True))
    [along] = push((u,))
    [grad] = torch.autograd.grad((v * along).sum(), [phi], materialize_grads=True)
    return -slope * grad


def _first_step(optimizer: SGD, grads: Params, weights: Params) -> Params:
    return optimizer.step({}, grads, _zeros(weights), weights, 0)[0]


def _zeros(weights: Params) -> Params:
    return {name: torch.zeros_like(value) for name, value in weights.items()}


def _slope(optimizer: SGD) -> float:
    """By how much the first step lowers a weight per unit of its gradient."""
    one = torch.ones((), dtype=torch.float64)
    return -_first_step(optimizer, {"": one}, {"": 0 * one})[""].item()
