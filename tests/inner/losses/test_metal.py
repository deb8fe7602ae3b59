"""MeTAL's loss against a plain reading of its description, instance by instance."""

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.inner.losses.metal import TaskAdaptiveLoss
from fewshot_bench.inner.protocols import TaskView
from tests.inner.losses.common import DOUBLE, random_logits

WAY, STEPS = 3, 2
ADAPTED = {
    "head.weight": torch.tensor([1.0, 3.0], dtype=DOUBLE),
    "backbone.weight": torch.tensor([[-2.0]], dtype=DOUBLE),
}
LOSS = TaskAdaptiveLoss(WAY, len(ADAPTED), STEPS)


def random_phi(seed=0):
    draws = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(value.shape, generator=draws, dtype=DOUBLE) / 3
        for name, value in LOSS.init(draws).items()
    }


def random_view(step=0, adapted=ADAPTED):
    support, labels = random_logits(n=4, c=WAY)
    query, _ = random_logits(n=5, c=WAY, seed=1)
    return TaskView(support, labels, adapted, step, query)


def standardised(rows):
    mean = sum(rows.flatten()) / rows.numel()
    spread = (sum((x - mean) ** 2 for x in rows.flatten()) / (rows.numel() - 1)).sqrt()
    return (rows - mean) / spread


def plain(phi, term, step, rows, state=None):
    """The adapter sees ``state``, or the mean of the rows."""
    rows = standardised(torch.stack(rows))
    at = {n.removeprefix(f"loss.{term}."): v[step] for n, v in phi.items() if f".{term}." in n}
    state = sum(rows) / len(rows) if state is None else standardised(state)
    hidden = (at["adapter.hidden.weight"] @ state + at["adapter.hidden.bias"]).clamp(min=0)
    made = at["adapter.out.weight"] @ hidden + at["adapter.out.bias"]
    moved = {}
    for i, name in enumerate(("hidden.weight", "hidden.bias", "out.weight", "out.bias")):
        scale, shift = at["gate"][i] * made[i], at["gate"][4 + i] * made[4 + i]
        moved[name] = (1 + scale) * at.get(name, torch.zeros(1, dtype=DOUBLE)) + shift
    total = 0.0
    for row in rows:
        hidden = (moved["hidden.weight"] @ row + moved["hidden.bias"]).clamp(min=0)
        total = total + (moved["out.weight"] @ hidden + moved["out.bias"]).squeeze()
    return total / len(rows)


@pytest.mark.parametrize("step", [0, 1, 7])
def test_the_loss_is_as_described(step):
    phi, view = random_phi(), random_view(step)
    means = torch.tensor([-2.0, 2.0], dtype=DOUBLE)  # backbone before head
    ce = F.cross_entropy(view.support_logits, view.support_labels)
    one_hot = torch.eye(WAY, dtype=DOUBLE)[view.support_labels]
    support = [
        torch.cat([means, ce.view(1), logits, label])
        for logits, label in zip(view.support_logits, one_hot, strict=True)
    ]
    query = []
    for logits in view.query_logits:
        p = logits.softmax(0)
        query.append(torch.cat([means, logits, (p * p.log()).sum().view(1)]))
    row = min(step, STEPS - 1)
    state = torch.cat([means, ce.view(1)])
    expected = ce + plain(phi, "support", row, support, state) + plain(phi, "query", row, query)
    torch.testing.assert_close(LOSS(phi, view), expected)


def test_it_starts_as_cross_entropy():
    phi = {n: v.double() for n, v in LOSS.init(torch.Generator().manual_seed(0)).items()}
    view = random_view()
    expected = F.cross_entropy(view.support_logits, view.support_labels)
    torch.testing.assert_close(LOSS(phi, view), expected)


@pytest.mark.parametrize("term", ["support", "query"])
def test_the_last_bias_has_a_gradient_in_the_tasks_parameters(term):
    """Though it is a constant of the network, what the adapter adds to it follows the task."""
    phi = {n: torch.zeros_like(v) for n, v in random_phi().items()}
    chosen = random_phi()
    for name in ("adapter.hidden.weight", "adapter.hidden.bias", "adapter.out.weight"):
        phi[f"loss.{term}.{name}"] = chosen[f"loss.{term}.{name}"]
    phi[f"loss.{term}.gate"][:, 7] = 1.0  # of the shift of the last bias, and no other
    adapted = {n: v.clone().requires_grad_() for n, v in ADAPTED.items()}
    view = random_view(adapted=adapted)
    grads = torch.autograd.grad(LOSS(phi, view), list(adapted.values()))
    assert all(g.abs().max() > 1e-6 for g in grads)


def test_the_order_of_parameters_does_not_matter():
    turned = dict(reversed(ADAPTED.items()))
    phi = random_phi()
    assert torch.equal(LOSS(phi, random_view()), LOSS(phi, random_view(adapted=turned)))


def test_queries_are_needed():
    view = random_view()
    with pytest.raises(ValueError, match="needs query logits"):
        LOSS(random_phi(), TaskView(view.support_logits, view.support_labels, ADAPTED, 0))
