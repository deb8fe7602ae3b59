"""SparseLSR against its closed form, against torch's own losses, and as a criterion."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.sparse_lsr import SparseLSR, sparse_lsr
from fewshot_bench.inner.protocols import TaskView
from fewshot_bench.losses import SparseLSR as SparseLSRLoss
from tests.inner.losses.common import (
    DOUBLE,
    LargeBuffers,
    grad_of,
    random_logits,
    smoothing_masses,
    sparse_lsr_rows,
)

XI = [0.0, 0.1, 0.25, 0.9]
EXACT = {"rtol": 1e-12, "atol": 1e-12}


@pytest.mark.parametrize("c", [2, 5, 40])
@pytest.mark.parametrize("xi", XI)
def test_value_is_the_printed_formula(xi, c):
    logits, target = random_logits(c=c)
    found = sparse_lsr(logits, target, xi, reduction="none")
    torch.testing.assert_close(found, sparse_lsr_rows(logits, target, xi), **EXACT)


@pytest.mark.parametrize("c", [2, 5, 40])
@pytest.mark.parametrize("xi", XI)
@pytest.mark.parametrize("scale", [0.0, 3.0, 9.0])
def test_gradient_is_the_closed_form(scale, xi, c):
    logits, target = random_logits(c=c, n=40, scale=scale)
    a, _ = smoothing_masses(xi, c)
    p = logits.detach().softmax(1)
    p_t = p.gather(1, target[:, None])
    others = p.scatter(1, target[:, None], 0.0)
    expected = -(p_t - a) * others / others.sum(1, keepdim=True)  # the sum is 1 - p_t
    expected.scatter_(1, target[:, None], p_t - a)
    found = grad_of(sparse_lsr(logits, target, xi, reduction="sum"), logits)
    torch.testing.assert_close(found, expected, **EXACT)
    assert found.sum(1).abs().max() < 1e-12


def test_sure_of_another_class():
    """At p_t of 1e-9 to 1e-300 the value must still be that of the logarithm."""
    for gap in (21.0, 45.0, 600.0):
        logits = torch.tensor([[-gap, 0.0]], dtype=DOUBLE, requires_grad=True)
        loss = sparse_lsr(logits, torch.tensor([0]), 0.0)
        assert loss.item() == pytest.approx(gap + math.exp(-gap), rel=1e-15)
        assert grad_of(loss, logits)[0, 1].item() == pytest.approx(1 - math.exp(-gap), rel=1e-15)


def test_no_smoothing_is_cross_entropy():
    logits, target = random_logits()
    found, expected = sparse_lsr(logits, target, 0), F.cross_entropy(logits, target)
    torch.testing.assert_close(found, expected, **EXACT)
    torch.testing.assert_close(grad_of(found, logits), grad_of(expected, logits), **EXACT)


@pytest.mark.parametrize("xi", XI)
def test_two_classes_are_label_smoothing(xi):
    logits, target = random_logits(c=2)
    found = sparse_lsr(logits, target, xi)
    expected = F.cross_entropy(logits, target, label_smoothing=xi)
    torch.testing.assert_close(found, expected, **EXACT)
    torch.testing.assert_close(grad_of(found, logits), grad_of(expected, logits), **EXACT)


LOGITS = st.lists(st.floats(-50, 50), min_size=2, max_size=8)


@settings(deadline=None)
@given(LOGITS, st.integers(0, 7), st.floats(0, 0.99))
def test_properties(values, t, xi):
    logits = torch.tensor([values], dtype=DOUBLE, requires_grad=True)
    c = len(values)
    target = torch.tensor([t % c])
    loss = sparse_lsr(logits, target, xi)
    smoothed = F.cross_entropy(logits, target, label_smoothing=xi)
    assert loss <= smoothed + 1e-10  # Jensen
    a, b = smoothing_masses(xi, c)
    entropy = -a * math.log(a) - (b * (math.log(b) - math.log(c - 1)) if b else 0)
    assert loss >= entropy - 1e-10  # the value at p_t = a
    assert abs(grad_of(loss, logits).sum()) < 1e-12
    order = torch.arange(c).flip(0)
    turned = sparse_lsr(logits[:, order], c - 1 - target, xi)
    torch.testing.assert_close(turned, loss, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(sparse_lsr(logits + 3, target, xi), loss, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("spread", [0.0, 2.0])
def test_minimum_where_the_target_has_its_share_whatever_the_spread(spread):
    c, xi = 5, 0.25
    a, _ = smoothing_masses(xi, c)
    assert a == pytest.approx(0.8)
    others = spread * torch.arange(c - 1, dtype=DOUBLE)
    top = others.logsumexp(0) + math.log(a / (1 - a))
    logits = torch.cat([others, top[None]])[None].requires_grad_()
    target = torch.tensor([c - 1])
    assert grad_of(sparse_lsr(logits, target, xi), logits).abs().max() < 1e-15
    pull = grad_of(F.cross_entropy(logits, target, label_smoothing=xi), logits).abs().max()
    assert (pull > 1e-3) == (spread > 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("t", [0, 1, 2])
def test_extreme_logits(dtype, t):
    logits = torch.tensor([[1e4, -1e4, 0.0]], dtype=dtype, requires_grad=True)
    loss = sparse_lsr(logits, torch.tensor([t]), 0.1)
    grad = grad_of(loss, logits)
    a, b = smoothing_masses(0.1, 3)
    top = logits.max().item()
    expected = [b * top, a * 2 * top, a * top][t]
    assert loss.dtype == grad.dtype == dtype
    assert loss.item() == pytest.approx(expected, rel=0.01)
    slopes = [[b, 0, -b], [a, -a, 0], [a, 0, -a]][t]
    torch.testing.assert_close(grad, torch.tensor([slopes], dtype=dtype))


def test_derivatives_numerically():
    logits, target = random_logits(n=3, c=4)
    target[1] = -100
    weight = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=DOUBLE)
    for reduction in ("none", "sum", "mean"):
        criterion = SparseLSRLoss(0.3, weight, reduction=reduction)
        assert torch.autograd.gradcheck(criterion, (logits, target))
        assert torch.autograd.gradgradcheck(criterion, (logits, target))


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignored", ["none", "some", "all"])
@pytest.mark.parametrize("shape", [(5,), (6, 5), (2, 5, 3), (2, 5, 2, 3)])
def test_arguments_mean_what_they_mean_for_cross_entropy(shape, ignored, weighted, reduction):
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(shape, generator=generator, dtype=DOUBLE, requires_grad=True)
    target = torch.randint(5, shape[:1] + shape[2:] if len(shape) > 1 else (), generator=generator)
    if ignored == "some" and target.ndim:
        target[0] = 7
    elif ignored == "all":
        target = torch.full_like(target, 7)
    weight = torch.rand(5, generator=generator, dtype=DOUBLE) + 0.5 if weighted else None
    arguments = {"weight": weight, "ignore_index": 7, "reduction": reduction}
    found = sparse_lsr(logits, target, 0, **arguments)
    expected = F.cross_entropy(logits, target, **arguments)
    torch.testing.assert_close(found, expected, equal_nan=True, **EXACT)
    if not found.isnan().any():
        slope, reference = (grad_of(x.sum(), logits) for x in (found, expected))
        torch.testing.assert_close(slope, reference, **EXACT)
    criterion = SparseLSRLoss(0, **arguments)
    torch.testing.assert_close(criterion(logits, target), expected, equal_nan=True, **EXACT)


def test_an_ignored_instance_may_hold_anything():
    logits, target = random_logits(n=3)
    spoiled = logits.detach().clone()
    spoiled[1] = torch.nan
    target[1] = -100
    expected = sparse_lsr(logits[[0, 2]], target[[0, 2]], 0.1)
    torch.testing.assert_close(sparse_lsr(spoiled, target, 0.1), expected)


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (2, 3, 0)])
def test_an_empty_batch(shape):
    logits = torch.zeros(shape, requires_grad=True)
    target = torch.zeros(shape[:1] + shape[2:], dtype=torch.int64)
    total = sparse_lsr(logits, target, 0.1, reduction="sum")
    assert total == 0
    assert grad_of(total, logits).shape == shape
    assert sparse_lsr(logits, target, 0.1).isnan()


def test_the_module_carries_its_weight():
    criterion = SparseLSRLoss(0.1, torch.ones(3))
    assert criterion.double().weight.dtype == DOUBLE
    assert "weight" in criterion.state_dict()
    assert repr(criterion) == "SparseLSR(smoothing=0.1, reduction='mean')"
    assert not SparseLSRLoss(0.1).state_dict()


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("ignored", [False, True])
def test_the_gradient_is_the_only_large_buffer(ignored, reduction):
    logits, target = random_logits(n=8, c=1000, dtype=torch.float32)
    target[0] = -100 if ignored else 0
    weight = torch.ones(1000)
    with LargeBuffers(logits.nbytes) as count:
        loss = sparse_lsr(logits, target, 0.1, weight=weight, reduction=reduction)
        torch.autograd.grad(loss, logits, torch.full_like(loss, 2.0))
    assert (count.allocated, count.peak) == (1, 1)


def test_the_inner_loss_is_the_criterion():
    logits, target = random_logits()
    view = TaskView(logits, target, {}, 0)
    torch.testing.assert_close(SparseLSR(0.2)({}, view), sparse_lsr(logits, target, 0.2), **EXACT)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(2, 3), torch.tensor([0, 1]), 1.0), r"smoothing must be in \[0, 1\), got 1.0"),
        ((torch.zeros(2, 3), torch.tensor([0, 1]), -0.1), "smoothing"),
        ((torch.zeros(2, 1), torch.tensor([0, 0]), 0.1), "at least 2 classes, got 1"),
        ((torch.zeros(2, 3), torch.tensor([0]), 0.1), r"should have shape \(2,\)"),
        ((torch.zeros(2, 3), torch.zeros(2), 0.1), "int64"),
        ((torch.zeros(()), torch.tensor(0), 0.1), "scalar"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        sparse_lsr(*arguments)


def test_wrong_weight_and_reduction():
    logits, target = random_logits()
    with pytest.raises(ConfigError, match=r"shape \(5,\), got \(4,\)"):
        sparse_lsr(logits, target, 0.1, weight=torch.ones(4))
    with pytest.raises(ConfigError, match="unknown reduction 'avg'"):
        sparse_lsr(logits, target, 0.1, reduction="avg")
    for mistake in (SparseLSR, SparseLSRLoss):
        with pytest.raises(ConfigError, match="smoothing"):
            mistake(smoothing=float("nan"))
