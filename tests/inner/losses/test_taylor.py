"""TaylorGLO's polynomial, term by term."""

import pytest
import torch

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.taylor import TaylorGLO, taylor_loss
from fewshot_bench.inner.protocols import TaskView
from tests.inner.losses.common import DOUBLE, grad_of, random_logits

T = torch.tensor([0.3, -0.2, 0.9, -1.1, 0.6, 1.7, -0.4, 0.8], dtype=DOUBLE)


def test_the_polynomial():
    y = torch.tensor([[0.2, 0.8], [0.6, 0.4]], dtype=DOUBLE)
    x = torch.tensor([[0.0, 1.0], [0.0, 1.0]], dtype=DOUBLE)
    t0, t1, t2, t3, t4, t5, t6, t7 = T
    terms = (
        t2 * (y - t1)
        + t3 / 2 * (y - t1) ** 2
        + t4 / 6 * (y - t1) ** 3
        + t5 * (x - t0) * (y - t1)
        + t6 / 2 * (x - t0) * (y - t1) ** 2
        + t7 / 2 * (x - t0) ** 2 * (y - t1)
    )
    torch.testing.assert_close(taylor_loss(T, y, x), -terms.sum(1))


@pytest.mark.parametrize("index", range(8))
def test_the_gradient_depends_on_every_coefficient(index):
    x = torch.tensor([[1.0, 0.0]], dtype=DOUBLE)
    y = torch.tensor([[0.7, 0.3]], dtype=DOUBLE, requires_grad=True)
    other = T.clone()
    other[index] += 0.1
    slopes = [grad_of(taylor_loss(t, y, x).sum(), y) for t in (T, other)]
    assert (slopes[0] - slopes[1]).abs().min() > 1e-4


def test_as_inner_loss():
    logits, labels = random_logits()
    one_hot = torch.nn.functional.one_hot(labels, 5).to(DOUBLE)
    found = TaylorGLO(T.tolist())({}, TaskView(logits, labels, {}, 0))
    torch.testing.assert_close(found, taylor_loss(T, logits.softmax(1), one_hot).mean())


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="8 coefficients, got 3"):
        TaylorGLO([1.0, 2.0, 3.0])
    with pytest.raises(ConfigError, match=r"8 coefficients, got shape \(7,\)"):
        taylor_loss(T[:7], torch.zeros(1, 2), torch.zeros(1, 2))


def test_unlearned_coefficients_are_close_to_cross_entropy():
    logits = torch.zeros(1, 2, dtype=DOUBLE, requires_grad=True)
    labels = torch.tensor([1])
    loss = TaylorGLO()
    phi = loss.init(torch.Generator())
    found = grad_of(
        loss({n: v.double() for n, v in phi.items()}, TaskView(logits, labels, {}, 0)), logits
    )
    expected = grad_of(torch.nn.functional.cross_entropy(logits, labels), logits)
    torch.testing.assert_close(found, expected)
    assert TaylorGLO(T.tolist()).init(torch.Generator()) == {}
