"""Local search: the weights of a loss learned by unrolled differentiation through one step.

    repeat: theta0 <- fresh weights;  theta1 <- keep * theta0 - slope * g,  g = J^T v(phi)
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
from fewshot_bench.nn.params import Params
from fewshot_bench.search.batched_mlp import StepRule
from fewshot_bench.search.gradients import (
    TreeLosses,
    mean_gradients,
    pairs,
    through_softmax,
    weight_gradients,
)
from fewshot_bench.search.unrolled import begin, first_step, task_gradient
from fewshot_bench.supervised.data import SupervisedData
from fewshot_bench.supervised.models import Model
from fewshot_bench.supervised.train import WEIGHTS, Batch, Recipe, batches, generator


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
    sizes = [len(w) for w in start]
    phi = torch.cat(list(start))
    adam = torch.optim.Adam([phi], lr=lr)
    fresh = generator(seed, WEIGHTS)
    inner = batches(data, "train", recipe.batch_size, seed)
    outer = batches(data, "val", recipe.batch_size, seed)
    rule = first_step(recipe.optimizer)
    for _ in range(steps):
        trees = TreeLosses(expressions, [own.tolist() for own in _split(phi, sizes)])
        params, pair = model.init(fresh), (next(inner), next(outer))
        phi.grad = hypergradient(trees, model, params, pair, rule)
        adam.step()
    return _split(phi, sizes)


def hypergradient(
    trees: TreeLosses,
    model: Model,
    params: Params,
    pair: tuple[Batch, Batch],
    rule: StepRule,
) -> Tensor:
    """Gradients of the task losses after one step on each tree in the tree's weights.

    Args:
        trees: K losses.
        model: the network.
        params: where it starts.
        pair: the batch of the step, and the batch of the task loss.
        rule: the step.

    Returns:
        Those of all trees, one after the other.
    """
    (x, y), (held_x, held_y) = pair
    step = begin(model, params, x, rule)
    predictions, wanted = pairs(step.outputs, y)
    duals = trees.duals(predictions, wanted)
    _, of_outputs = mean_gradients(duals, predictions, y)
    response = step.response(of_outputs, held_x, task_gradient(held_y))
    along = through_softmax(predictions, response, y) * (-rule.slope / len(x))
    found = weight_gradients(duals, along)
    return predictions.new_tensor([gradient for own in found for gradient in own])


def _split(phi: Tensor, sizes: list[int]) -> list[Tensor]:
    return list(phi.split(sizes))  # type: ignore[no-untyped-call]
