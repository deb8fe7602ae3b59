"""Heads: what they begin with, against the formulas."""

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.nn.heads import prototypes
from fewshot_bench.nn.metric_heads import CosineHead, PrototypeHead

# Fixture A of the specification and its known answers: head logits before and after one SGD step.
SUPPORT = torch.tensor(
    [
        [1.0, 0.2, 0.1],
        [0.1, 0.9, 0.3],
        [0.2, 0.1, 1.1],
        [0.8, 0.4, 0],
        [0.3, 1.2, 0.2],
        [0, 0.3, 0.7],
    ],
    dtype=torch.float64,
)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
QUERY = torch.tensor(
    [[0.7, 0.3, 0.2], [0.4, 0.8, 0.1], [0.1, 0.4, 0.9], [0.5, 0.5, 0.5]], dtype=torch.float64
)
BEFORE = [
    [0.5575, -0.195, -0.24],
    [0.3075, 0.685, -0.28],
    [-0.3925, 0.125, 0.94],
    [0.3475, 0.295, 0.34],
]
AFTER = [
    [0.56186338, -0.19639004, -0.24297335],
    [0.30752834, 0.69006949, -0.28509784],
    [-0.39817477, 0.12526767, 0.94540711],
    [0.34740983, 0.29561671, 0.33947346],
]


def begin(head, params=None, n_way=3):
    return (params or {}) | head.begin(params or {}, SUPPORT, LABELS, n_way)


def test_z19_a_prototype_head_before_and_after_one_step():
    head, params = PrototypeHead(), begin(PrototypeHead())
    torch.testing.assert_close(
        head.logits(params, QUERY), torch.tensor(BEFORE, dtype=torch.float64)
    )
    leaves = {name: value.requires_grad_() for name, value in params.items()}
    loss = F.cross_entropy(head.logits(leaves, SUPPORT), LABELS)
    assert loss.item() == pytest.approx(0.480630189, abs=1e-9)
    grads = torch.autograd.grad(loss, list(leaves.values()))
    moved = {n: p - 0.1 * g for (n, p), g in zip(leaves.items(), grads, strict=True)}
    expected = torch.tensor(AFTER, dtype=torch.float64)
    torch.testing.assert_close(head.logits(moved, QUERY), expected, atol=1e-8, rtol=0)


@pytest.mark.parametrize("factor", [0.01, 1.0, 300.0])
def test_scale_free_logits_do_not_depend_on_the_length_of_features(factor):
    head = PrototypeHead(scale_free=True)
    learned = {k: v.double() for k, v in head.init(3, 3, torch.Generator()).items()}

    def logits(scale):
        params = learned | head.begin(learned, scale * SUPPORT, LABELS, 3)
        return head.logits(params, scale * QUERY)

    torch.testing.assert_close(logits(factor), logits(1.0))
    means = prototypes(SUPPORT, LABELS, 3)
    apart = [(means[i] - means[j]).square().sum() for i in range(3) for j in range(3) if i != j]
    distances = torch.stack([(QUERY - mean).square().sum(dim=1) for mean in means], dim=1)
    expected = (-distances / torch.stack(apart).mean()).softmax(dim=1)
    torch.testing.assert_close(logits(1.0).softmax(dim=1), expected)


def test_a_cosine_head_sees_directions_only():
    head = CosineHead(scale=7.0)
    params = {k: v.double() for k, v in head.init(3, 3, torch.Generator().manual_seed(0)).items()}
    logits = head.logits(params, QUERY)
    expected = 7 * F.cosine_similarity(QUERY[:, None], params["head.weight"][None], dim=2)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(head.logits(params, 5 * QUERY), logits)
