"""The hypergradient by one Jacobian-vector product, against unrolling by plain autograd."""

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.per_output import criterion
from fewshot_bench.inner.losses.symbolic import SymbolicLoss
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.search.gradients import TreeLosses
from fewshot_bench.search.local_search import hypergradient, tune
from fewshot_bench.search.unrolled import first_step
from fewshot_bench.supervised.models import MLP
from fewshot_bench.supervised.offline import OfflineRecipe, learn_offline
from fewshot_bench.supervised.train import LOSS, Recipe, generator
from tests.search.common import CROSS_ENTROPY, SQUARED_ERROR, make_data, make_problem

DOUBLE = torch.float64
TEXTS = [CROSS_ENTROPY, SQUARED_ERROR, "tanh(sub(y,mul(f(x),f(x))))"]


def plain_hypergradient(loss, phi, model, params, pair, recipe, data):
    """Nesterov's first step from rest, written out; autograd does the rest."""
    (x, y), (held_x, held_y) = pair
    params = {name: value.clone().requires_grad_() for name, value in params.items()}
    inner = criterion(loss, phi, data.task)(model(params, x, NormMode(True)), y)
    grads = torch.autograd.grad(inner, list(params.values()), create_graph=True)
    moved = {
        name: value - recipe.lr * (1 + recipe.momentum) * (g + recipe.weight_decay * value)
        for (name, value), g in zip(params.items(), grads, strict=True)
    }
    task = F.cross_entropy if data.task == "classification" else F.mse_loss
    outer = task(model(moved, held_x, NormMode(True)), held_y)
    return torch.autograd.grad(outer, phi["loss.weights"])[0]


@pytest.mark.parametrize("momentum", [0.9, 0.0])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_equals_plain_unrolling(task, momentum):
    data, recipe = make_data(task, dtype=DOUBLE), Recipe(lr=0.1, momentum=momentum)
    model = MLP((4, 6, data.n_outputs))
    params = {n: p.double() for n, p in model.init(torch.Generator().manual_seed(0)).items()}
    ids = torch.arange(20)
    pair = (data.train.batch(ids), data.val.batch(ids))
    expressions = [Expression.parse(text) for text in TEXTS]
    sizes = [e.n_edges for e in expressions]
    noise = torch.randn(sum(sizes), generator=torch.Generator().manual_seed(1), dtype=DOUBLE)
    phi = 1 + 0.1 * noise
    trees = TreeLosses(expressions, [own.tolist() for own in phi.split(sizes)])
    found = hypergradient(trees, model, params, pair, first_step(recipe.optimizer))
    for expression, own, grad in zip(
        expressions, phi.split(sizes), found.split(sizes), strict=True
    ):
        own = {"loss.weights": own.clone().requires_grad_()}
        loss = SymbolicLoss(expression)
        expected = plain_hypergradient(loss, own, model, params, pair, recipe, data)
        torch.testing.assert_close(grad, expected, rtol=1e-9, atol=1e-12)
        assert grad.abs().max() > 1e-6


def test_equals_learning_offline():
    problem, recipe = make_problem(), Recipe(batch_size=16, lr=0.1)
    expressions = [Expression.parse(text) for text in (SQUARED_ERROR, TEXTS[2])]
    start = [SymbolicLoss(e).init(generator(0, LOSS))["loss.weights"] for e in expressions]
    found = tune(expressions, start, problem.model, problem.data, recipe, 6, 1e-2, seed=0)
    for expression, before, after in zip(expressions, start, found, strict=True):
        offline = OfflineRecipe(steps=6, lr=1e-2)
        loss = SymbolicLoss(expression)
        phi = learn_offline(loss, problem.model, problem.data, recipe, offline, seed=0)
        torch.testing.assert_close(after, phi["loss.weights"], rtol=1e-4, atol=1e-4)
        assert (after - before).abs().max() > 0.02
