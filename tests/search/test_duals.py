"""Values, slopes and weight gradients of trees, against autograd over the same trees."""

from random import Random

import numpy as np
import pytest
import torch

from fewshot_bench.inner.losses.expression import OPERATORS, Expression
from fewshot_bench.inner.losses.symbolic import evaluate
from fewshot_bench.search.duals import dual, weight_gradient
from fewshot_bench.search.repair import repair
from fewshot_bench.search.space import random_tree

N = 60


def by_autograd(tree, weights, prediction, target, direction):
    """Value and slope (N,), and the gradient in the weights of the slopes along the direction."""
    weights, free = weights.clone().requires_grad_(), prediction.clone().requires_grad_()
    value = evaluate(tree, weights.unbind(), free, target)
    [slope] = torch.autograd.grad(value.sum(), [free], create_graph=True, materialize_grads=True)
    gradient = torch.zeros_like(weights)
    if slope.requires_grad:
        along = (slope * direction).sum()
        [gradient] = torch.autograd.grad(along, [weights], materialize_grads=True)
    return value.detach(), slope.detach(), gradient


def by_duals(tree, weights, prediction, target, direction):
    with np.errstate(all="ignore"):
        at = dual(tree, weights.tolist(), prediction.numpy(), target.numpy())
        gradient = weight_gradient(at, direction.numpy())
    whole = [np.broadcast_to(0 if x is None else x, N) for x in (at.value, at.slope)]
    return [torch.tensor(np.array(x), dtype=prediction.dtype) for x in (*whole, gradient)]


def check(tree, prediction, target, weights=None):
    draws = torch.Generator().manual_seed(len(tree.symbols))
    noise = torch.randn(tree.n_edges, generator=draws, dtype=torch.float64)
    direction = torch.randn(N, generator=draws, dtype=torch.float64)
    weights = 1 + 0.1 * noise if weights is None else weights
    expected = by_autograd(tree, weights, prediction, target, direction)
    found = by_duals(tree, weights, prediction, target, direction)
    for one, other in zip(found, expected, strict=True):
        scale = 1 + other.abs().max().item()
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10 * scale)
    return found


@pytest.fixture(scope="module")
def points():
    draws = torch.Generator().manual_seed(0)
    prediction = torch.randn(N, generator=draws, dtype=torch.float64)
    return prediction, torch.randint(2, (N,), generator=draws).double()


@pytest.mark.parametrize("height", range(2, 8))
def test_random_trees(points, height):
    rng = Random(height)
    for _ in range(30):
        check(repair(rng, random_tree(rng, height, height)), *points)


@pytest.mark.parametrize("name", OPERATORS)
def test_each_operator_inside_a_curve(points, name):
    inside = f"{name}(f(x))" if OPERATORS[name] == 1 else f"{name}(mul(f(x),y),f(x))"
    _, slope, gradient = check(Expression.parse(f"tanh({inside})"), *points)
    assert (slope.abs().max() > 0.1) == (name != "sign")
    assert (gradient.abs().max() > 0.1) == (name != "sign")


def test_kinks_and_floors(points):
    _, target = points
    prediction = torch.tensor([0.0, 1.0, -1.0, 1e-9, -1e-9, 1e-3], dtype=torch.float64).repeat(10)
    for text in (
        "square(abs(f(x)))",
        "square(min(f(x),+1))",
        "mul(y,max(f(x),f(x)))",
        "tanh(log(f(x)))",
        "tanh(sqrt(f(x)))",
        "square(sign(f(x)))",
        "mul(y,log(log(+1)))",
    ):
        tree = Expression.parse(text)
        check(tree, prediction, target, torch.ones(tree.n_edges, dtype=torch.float64))


def test_a_quotient_does_not_overflow():
    tree = Expression.parse("div(f(x),mul(y,f(x)))")
    prediction, target = (torch.full((N,), value) for value in (1e25, 2.0))
    value, slope, _ = by_duals(tree, torch.ones(4), prediction, target, torch.ones(N))
    torch.testing.assert_close(value, torch.full((N,), 0.5))
    assert slope.isfinite().all()


def test_parts_without_the_prediction_are_single_numbers_and_teach(points):
    prediction, target = points
    tree = Expression.parse("mul(f(x),add(tanh(+1),y))")
    weights = torch.ones(tree.n_edges, dtype=torch.float64)
    at = dual(tree, weights.tolist(), prediction.numpy(), target.numpy())
    assert at.values[3].ndim == 0
    _, _, gradient = check(tree, prediction, target)
    assert gradient[3].abs() > 0.1
