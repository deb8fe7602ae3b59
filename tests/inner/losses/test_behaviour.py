"""Pushes of losses against what their formulas give by hand."""

import math

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.behaviour import behaviour, losses_at, pushes
from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.library import loss_from
from fewshot_bench.inner.losses.sparse_lsr import sparse_lsr
from fewshot_bench.inner.losses.symbolic import SymbolicLoss

P = torch.tensor([0.001, 0.2, 0.5, 0.95], dtype=torch.float64)
SMOOTHING, C = 0.2, 5
A = 1 - SMOOTHING + SMOOTHING / C


def absolute(phi):
    return SymbolicLoss(Expression.parse("abs(log(mul(y,f(x))))"), (1.0, phi, 1.0, 1.0))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (loss_from("cross_entropy"), 1 - P),
        (loss_from("label_smoothing", smoothing=SMOOTHING), A - P),
        (loss_from("sparse_lsr", smoothing=SMOOTHING), A - P),
        (absolute(1.25), torch.where(P < 0.8, 1 - P, P - 1)),
    ],
)
def test_pushes_are_those_of_the_formula(loss, expected):
    torch.testing.assert_close(pushes(loss, P, C), expected)


def test_pushes_follow_from_the_slopes_of_both_targets():
    loss = SymbolicLoss(Expression.parse("square(sub(y,f(x)))"), (1.0, 1.0, 1.0))
    others = (1 - P) / (C - 1)
    expected = P * (1 - P) * (2 * others - 2 * (P - 1))
    torch.testing.assert_close(pushes(loss, P, C), expected)


def test_label_smoothing_is_sparse_lsr_where_the_others_are_equal():
    smooth, sparse = (
        losses_at(loss_from(name, smoothing=SMOOTHING), P, C)
        for name in ("label_smoothing", "sparse_lsr")
    )
    torch.testing.assert_close(smooth, sparse)
    by_hand = -A * P.log() - (1 - A) * ((1 - P) / (C - 1)).log()
    torch.testing.assert_close(sparse, by_hand)


def test_label_smoothing_is_sparse_lsr_and_a_divergence():
    """LSR = SparseLSR + b KL(u || r), r the distribution over the other classes."""
    logits = torch.randn(7, C, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    targets = torch.zeros(7, dtype=torch.int64)
    divergence = -math.log(C - 1) - logits[:, 1:].log_softmax(1).mean(1)
    smooth = F.cross_entropy(logits, targets, label_smoothing=SMOOTHING, reduction="none")
    sparse = sparse_lsr(logits, targets, SMOOTHING, reduction="none")
    torch.testing.assert_close(smooth, sparse + (1 - A) * divergence)


def test_what_is_summed_up():
    found = behaviour(loss_from("sparse_lsr", smoothing=SMOOTHING), C)
    assert found.start == pytest.approx(A - 1 / C)
    assert found.near_zero == pytest.approx(A - 1e-4)
    assert found.near_one == pytest.approx(A - 1 + 1e-4)
    assert found.satisfied == pytest.approx(A, abs=1e-5)
    assert behaviour(absolute(1.25), C).satisfied == pytest.approx(0.8, abs=1e-3)
    assert behaviour(loss_from("cross_entropy"), C).satisfied is None
    with pytest.raises(ConfigError, match="at least 2 classes"):
        behaviour(loss_from("cross_entropy"), 1)
