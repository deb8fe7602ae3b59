"""Trees as losses: against a plain interpreter of their text, and at the places that break."""

import math
import random

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.expression import OPERATORS, TERMINALS, Expression
from fewshot_bench.inner.losses.per_output import criterion
from fewshot_bench.inner.losses.symbolic import SymbolicLoss, evaluate
from fewshot_bench.inner.protocols import TaskView
from tests.inner.losses.common import DOUBLE, random_logits

PLAIN = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / math.sqrt(1 + b**2),
    "min": min,
    "max": max,
    "sign": lambda a: (a > 0) - (a < 0),
    "square": lambda a: a**2,
    "abs": abs,
    "log": lambda a: math.log(max(abs(a), 1e-7)),
    "sqrt": lambda a: math.sqrt(max(abs(a), 1e-7)),
    "tanh": math.tanh,
}
CROSS_ENTROPY = Expression.parse("mul(-1,mul(y,log(f(x))))")
SQUARED_ERROR = Expression.parse("square(sub(y,f(x)))")


def random_text(rng, depth):
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(TERMINALS)
    name = rng.choice(list(OPERATORS))
    return f"{name}({','.join(random_text(rng, depth - 1) for _ in range(OPERATORS[name]))})"


def plain_value(text, y, p):
    """Python's own evaluation of the text: our operators and leaves are names in it."""
    leaves = {"y": y, "P": p, "ONE": 1.0, "MINUS": -1.0}
    names = text.replace("f(x)", "P").replace("+1", "ONE").replace("-1", "MINUS")
    return eval(names, {"__builtins__": {}}, PLAIN | leaves)


def test_all_ones_weights_equal_direct_evaluation_for_1000_random_trees():
    rng = random.Random(0)
    for _ in range(1000):
        text = random_text(rng, depth=rng.randint(1, 5))
        expression = Expression.parse(text)
        y, p = rng.choice([0.0, 1.0, rng.uniform(-2, 2)]), rng.uniform(-2, 2)
        ones = torch.ones(expression.n_edges, dtype=DOUBLE)
        y_t, p_t = (torch.tensor([v], dtype=DOUBLE) for v in (y, p))
        found = evaluate(expression, ones.unbind(), p_t, y_t).item()
        assert found == pytest.approx(plain_value(text, y, p), rel=1e-9, abs=1e-9), text


def test_each_edge_has_its_weight():
    expression = Expression.parse("sub(div(y,f(x)),abs(+1))")
    w = torch.tensor([2.0, 3.0, 5.0, 7.0, 11.0], dtype=DOUBLE)
    y, p = torch.tensor([0.7], dtype=DOUBLE), torch.tensor([0.4], dtype=DOUBLE)
    expected = 2 * (3 * y / (1 + (5 * p) ** 2).sqrt()) - 7 * 11
    torch.testing.assert_close(evaluate(expression, w.unbind(), p, y), expected)


def test_cross_entropy_and_squared_error_written_as_trees():
    logits, labels = random_logits()
    loss = criterion(SymbolicLoss(CROSS_ENTROPY, (1.0,) * 5), {}, "classification")
    torch.testing.assert_close(loss(logits, labels), F.cross_entropy(logits, labels))
    outputs, targets = torch.randn(2, 6, 1, generator=torch.Generator().manual_seed(0))
    loss = criterion(SymbolicLoss(SQUARED_ERROR, (1.0,) * 3), {}, "regression")
    torch.testing.assert_close(loss(outputs, targets), F.mse_loss(outputs, targets))


def test_learned_weights_start_at_one_and_get_a_gradient():
    loss = SymbolicLoss(CROSS_ENTROPY)
    phi = loss.init(torch.Generator().manual_seed(0))
    assert 0 < (phi["loss.weights"] - 1).abs().max() < 5e-3
    phi["loss.weights"].requires_grad_()
    logits, labels = random_logits(dtype=torch.float32)
    value = loss(phi, TaskView(logits, labels, {}, 0))
    assert (torch.autograd.grad(value, phi["loss.weights"])[0] != 0).all()


def test_a_tree_without_the_prediction_is_a_constant_of_the_right_shape():
    logits, labels = random_logits(n=6, c=5)
    loss = SymbolicLoss(Expression.parse("+1"), ())
    assert loss({}, TaskView(logits, labels, {}, 0)).item() == 5


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
@pytest.mark.parametrize("name", OPERATORS)
def test_two_derivatives_are_finite_where_operators_break(name, dtype):
    """Zero, the floor of log and sqrt, ties, and values whose square overflows."""
    points = [0.0, -0.0, 1e-7, -1e-8, 1.0, -1.0] + ([1e20, -1e30] if name == "div" else [])
    a = torch.tensor(points, dtype=dtype).repeat(len(points)).requires_grad_()
    b = torch.tensor(points, dtype=dtype).repeat_interleave(len(points)).requires_grad_()
    text = f"{name}(f(x),y)" if OPERATORS[name] == 2 else f"{name}(f(x))"
    w = torch.ones(OPERATORS[name], dtype=dtype, requires_grad=True)
    value = evaluate(Expression.parse(text), w.unbind(), a, b).sum()
    inputs = (a, b, w)
    firsts = torch.autograd.grad(
        value, inputs, create_graph=True, allow_unused=True, materialize_grads=True
    )
    total = sum(first.sum() for first in firsts)
    seconds = (
        torch.autograd.grad(total, inputs, allow_unused=True, materialize_grads=True)
        if total.requires_grad
        else []
    )
    assert all(x.isfinite().all() for x in (value, *firsts, *seconds))


def test_a_nested_tree_at_zero_has_finite_second_derivatives():
    expression = Expression.parse("mul(sqrt(abs(log(abs(f(x))))),log(sqrt(square(sub(y,f(x))))))")
    p = torch.zeros(2, dtype=DOUBLE, requires_grad=True)
    w = torch.ones(expression.n_edges, dtype=DOUBLE, requires_grad=True)
    value = evaluate(expression, w.unbind(), p, torch.zeros(2, dtype=DOUBLE)).sum()
    first = torch.autograd.grad(value, p, create_graph=True)[0]
    second = torch.autograd.grad(first.sum(), [p, w], materialize_grads=True)
    assert all(x.isfinite().all() for x in (value, first, *second))


@pytest.mark.parametrize("text", ["mul(tanh(f(x)),y)", "div(y,f(x))", "sqrt(max(f(x),y))"])
def test_derivatives_equal_finite_differences(text):
    expression = Expression.parse(text)
    generator = torch.Generator().manual_seed(0)
    p = torch.rand(3, generator=generator, dtype=DOUBLE, requires_grad=True)
    y = torch.tensor([0.0, 1.0, 0.0], dtype=DOUBLE)
    w = 1 + 0.1 * torch.randn(expression.n_edges, generator=generator, dtype=DOUBLE)
    w.requires_grad_()

    def of(p, w):
        return evaluate(expression, w.unbind(), p, y).sum()

    assert torch.autograd.gradcheck(of, (p, w))
    assert torch.autograd.gradgradcheck(of, (p, w))


def test_a_wrong_number_of_weights_is_named():
    with pytest.raises(ConfigError, match="3 edges needs as many weights, got 2"):
        SymbolicLoss(SQUARED_ERROR, (1.0, 1.0))
