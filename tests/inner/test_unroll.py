"""The inner loop on problems whose answer is known in closed form."""

import pytest
import torch

from fewshot_bench.errors import TrainingError
from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.inner.unroll import unroll

A = torch.tensor([[2.0, 0.3], [0.3, 1.0]], dtype=torch.float64)
LR, STEPS = 0.1, 4


def quadratic(params, step):
    return 0.5 * params["w"] @ A @ params["w"]


def run(start, order, steps=STEPS):
    path = unroll(quadratic, {"w": start}, SGD(LR), {}, n_steps=steps, order=order)
    return [params["w"] for params in path]


def start():
    return torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_follows_gradient_descent(order):
    shrink = torch.eye(2, dtype=torch.float64) - LR * A
    path = run(start(), order)
    assert len(path) == STEPS
    for step, w in enumerate(path, 1):
        expected = torch.linalg.matrix_power(shrink, step) @ start()
        torch.testing.assert_close(w.detach(), expected.detach())


def test_second_order_derivative_is_the_product_of_jacobians():
    w = start()
    torch.autograd.backward(run(w, 2)[-1].sum())
    shrink = torch.eye(2, dtype=torch.float64) - LR * A
    expected = torch.linalg.matrix_power(shrink, STEPS).T @ torch.ones(2, dtype=torch.float64)
    torch.testing.assert_close(w.grad, expected)


def test_first_order_treats_inner_gradients_as_constants():
    w = start()
    torch.autograd.backward(run(w, 1)[-1].sum())
    torch.testing.assert_close(w.grad, torch.ones(2, dtype=torch.float64))


def test_order_zero_leaves_no_graph():
    assert not any(w.requires_grad for w in run(start(), 0))


def test_no_steps_yield_nothing():
    assert run(start(), 2, steps=0) == []


def test_a_loss_that_is_not_finite_names_its_step():
    def exploding(params, step):
        return params["w"].sum() / (0.0 if step == 2 else 1.0)

    with pytest.raises(TrainingError, match="inf in inner step 2"):
        list(unroll(exploding, {"w": start().abs()}, SGD(0.0), {}, n_steps=5, order=2))


def test_a_gradient_that_can_not_be_decomposed_names_its_step():
    class Decomposing(SGD):
        def step(self, omega, grads, state, adapted, step):
            torch.linalg.svd(grads["w"].view(1, 2) * float("nan" if step else "1"))
            return super().step(omega, grads, state, adapted, step)

    path = unroll(quadratic, {"w": start()}, Decomposing(LR), {}, n_steps=3, order=2)
    with pytest.raises(TrainingError, match="the inner gradient is not finite in inner step 1"):
        list(path)
