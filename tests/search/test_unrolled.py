"""Perceptrons in stacks do without a graph what any network does with one."""

from dataclasses import dataclass

import pytest
import torch

from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.search.batched_mlp import MLPStep, StepRule
from fewshot_bench.search.gradients import FunctionLosses
from fewshot_bench.search.stacked import copies, stacked_gradients
from fewshot_bench.search.unrolled import GraphStep, begin, first_step, task_gradient
from fewshot_bench.supervised.models import MLP
from fewshot_bench.supervised.train import task_criterion

DOUBLE = torch.float64
K, N, CLASSES = 3, 7, 4


@dataclass(frozen=True)
class Disguised:
    """The same network under a type that nobody knows."""

    mlp: MLP

    def __call__(self, params, x, mode):
        return self.mlp(params, x, mode)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def network(*hidden):
    mlp = MLP((5, *hidden, CLASSES))
    params = mlp.init(torch.Generator().manual_seed(0))
    return mlp, {name: p.double() + 0.1 for name, p in params.items()}


@pytest.mark.parametrize("hidden", [(), (6,), (6, 8)])
@pytest.mark.parametrize(
    "targets", [torch.arange(N) % CLASSES, draw(N, CLASSES, seed=3)], ids=["classes", "values"]
)
def test_the_response_to_a_step(hidden, targets):
    mlp, params = network(*hidden)
    v, task = draw(K, N, CLASSES), task_gradient(targets)
    fast, slow = (begin(m, params, draw(N, 5), StepRule(0.9, 0.2)) for m in (mlp, Disguised(mlp)))
    assert isinstance(fast, MLPStep)
    assert isinstance(slow, GraphStep)
    torch.testing.assert_close(fast.outputs, slow.outputs)
    held_x = draw(N, 5, seed=2)
    found, expected = (step.response(v, held_x, task) for step in (fast, slow))
    torch.testing.assert_close(found, expected)
    assert expected.abs().max() > 1e-3


@pytest.mark.parametrize("hidden", [(), (6, 8)])
def test_gradients_of_a_stack(hidden):
    mlp, params = network(*hidden)
    stack = {name: p + 0.1 * draw(K, *p.shape) for name, p in params.items()}
    losses = FunctionLosses([lambda p, y, k=k: (p - y).pow(2 + k).sum(-1) for k in range(K)])
    x, y = draw(N, 5), torch.arange(N) % CLASSES
    values, seen, grads = stacked_gradients(mlp, stack, x, y, losses)
    expected, _, slow = stacked_gradients(Disguised(mlp), stack, x, y, losses)
    assert seen == {}
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(grads, slow)
    for k in range(K):
        own = {name: p[k].clone().requires_grad_() for name, p in stack.items()}
        wanted = torch.nn.functional.one_hot(y, CLASSES)
        value = (mlp(own, x, NormMode(True)).softmax(1) - wanted).pow(2 + k).sum(1).mean()
        value.backward()
        torch.testing.assert_close(values[k], value.detach())
        for name, p in own.items():
            torch.testing.assert_close(grads[name][k], p.grad)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_gradient_of_the_task_loss(task):
    classes = task == "classification"
    targets = torch.arange(N) % CLASSES if classes else draw(N, CLASSES, seed=3)
    outputs = draw(K, N, CLASSES).requires_grad_()
    sum(task_criterion(task)(own, targets) for own in outputs).backward()
    torch.testing.assert_close(task_gradient(targets)(outputs.detach()), outputs.grad)


def test_copies_are_stacked_in_front():
    _, params = network()
    assert copies(params, K)["layer0.weight"].shape == (K, CLASSES, 5)


def test_the_first_step_is_that_of_torch():
    for optimizer in (SGD(0.1), SGD(0.1, 0.9, False, 0.2), SGD(0.1, 0.9, True, 0.2)):
        theta = torch.tensor([2.0], dtype=DOUBLE, requires_grad=True)
        theta.grad = torch.tensor([3.0], dtype=DOUBLE)
        keep, slope = first_step(optimizer)
        decay, nesterov = optimizer.weight_decay, optimizer.nesterov
        torch.optim.SGD(
            [theta], optimizer.lr, optimizer.momentum, weight_decay=decay, nesterov=nesterov
        ).step()
        assert theta.item() == pytest.approx(2 * keep - 3 * slope)
