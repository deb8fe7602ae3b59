"""Gradients made in the forward pass are those of autograd, of any order."""

import pytest
import torch
from torch.func import grad, vmap

from fewshot_bench.inner.losses.fixed import FocalCurve, focal_loss
from fewshot_bench.inner.losses.log_odds import target_log_odds
from fewshot_bench.inner.losses.sparse_lsr import sparse_curve, sparse_lsr
from fewshot_bench.inner.losses.target_gradient import mean_loss
from tests.inner.losses.common import DOUBLE, grad_of, random_logits

CURVES = {"sparse": sparse_curve(0.2, 5), "none": sparse_curve(0.0, 5), "focal": FocalCurve(1.5)}
EXACT = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture(params=CURVES)
def curve(request):
    return CURVES[request.param]


def composed(curve, logits, target):
    return curve.value(target_log_odds(logits, target)).mean()


def test_value_and_slope_are_those_of_autograd(curve):
    log_odds = torch.linspace(-60, 60, 401, dtype=DOUBLE, requires_grad=True)
    value = curve.value(log_odds)
    slope = grad_of(value.sum(), log_odds)
    found = curve.value_and_slope(log_odds.detach(), 0.5)
    torch.testing.assert_close(found, (0.5 * value.detach(), 0.5 * slope), **EXACT)


def test_derivatives_of_any_order_agree(curve):
    logits, target = random_logits(scale=1.0)
    direction = torch.linspace(-1, 1, logits.numel(), dtype=DOUBLE).view_as(logits)

    def derivatives(loss):
        [first] = torch.autograd.grad(3 * loss, logits, create_graph=True)
        [second] = torch.autograd.grad((first * direction).sum(), logits, create_graph=True)
        return first, second, grad_of((second * direction).sum(), logits)

    found = derivatives(mean_loss(curve, logits, target))
    expected = derivatives(composed(curve, logits, target))
    torch.testing.assert_close(found, expected, **EXACT)


def test_a_graph_that_is_kept_gives_equal_gradients_of_their_own():
    logits, target = random_logits()
    loss = sparse_lsr(logits, target, 0.1)
    [first] = torch.autograd.grad(loss, logits, retain_graph=True)
    kept = first.clone()
    first.zero_()
    assert torch.equal(grad_of(loss, logits), kept)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        grad_of(loss, logits)


def test_gradients_of_a_leaf_add_up():
    logits, target = random_logits()
    for _ in range(2):
        sparse_lsr(logits, target, 0.1).backward()
    once = grad_of(sparse_lsr(logits, target, 0.1), logits)
    torch.testing.assert_close(logits.grad, 2 * once, **EXACT)


def test_maps_and_function_gradients():
    logits, target = random_logits(n=12)
    logits, target = logits.detach().view(3, 4, 5), target.view(3, 4)

    def loss(x, y):
        return sparse_lsr(x, y, 0.1) + focal_loss(x, y, 2.0)

    found = vmap(grad(loss))(logits, target)
    for i in range(3):
        x = logits[i].clone().requires_grad_()
        torch.testing.assert_close(found[i], grad_of(loss(x, target[i]), x), **EXACT)


def test_what_does_not_count_has_no_gradient_whatever_it_holds():
    logits, target = random_logits(n=4)
    spoiled = logits.detach().clone()
    spoiled[1], target[1] = torch.nan, -100
    spoiled.requires_grad_()
    found = grad_of(sparse_lsr(spoiled, target, 0.1), spoiled)
    rows = torch.tensor([0, 2, 3])
    expected = grad_of(sparse_lsr(logits[rows], target[rows], 0.1), logits)
    torch.testing.assert_close(found, expected, **EXACT)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("gap", [0.0, 30.0, 80.0, 1e4, -30.0, -80.0, -1e4])
def test_sure_rows_beside_ordinary_ones(dtype, gap):
    """Rows whose probabilities underflow are computed another way, in the same batch."""
    logits = torch.tensor([[gap, 0.0, 1.0], [0.5, 0.0, 1.0]], dtype=dtype, requires_grad=True)
    target = torch.tensor([0, 1])
    reference = logits.detach().double().requires_grad_()
    loss, expected = (sparse_lsr(x, target, 0.1, reduction="sum") for x in (logits, reference))
    tolerance = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(loss.double(), expected, rtol=tolerance, atol=tolerance)
    slope = grad_of(loss, logits).double()
    torch.testing.assert_close(slope, grad_of(expected, reference), rtol=0.02, atol=tolerance)
