"""SCA's critic against torch's own layers, and when it has its say."""

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.inner.losses.sca import DILATIONS, SelfCritique, critic
from fewshot_bench.inner.protocols import TaskView
from tests.inner.losses.common import DOUBLE, random_logits

LOSS = SelfCritique(n_way=3, n_supervised=2)


def random_phi(seed=0):
    draws = torch.Generator().manual_seed(seed)
    return {
        name: value.double() + 0.3 * torch.randn(value.shape, generator=draws, dtype=DOUBLE)
        for name, value in LOSS.init(draws).items()
    }


def random_view(step):
    support, labels = random_logits(n=4, c=3)
    query, _ = random_logits(n=6, c=3, seed=1)
    return TaskView(support, labels, {}, step, query)


def by_layers(phi, logits):
    x = torch.cat([logits, logits.abs(), logits**2, logits.sign()], dim=1)[:, None]
    for i, dilation in enumerate(DILATIONS):
        conv = torch.nn.Conv1d(1 + 8 * i, 8, 3, dilation=dilation, padding=dilation, bias=False)
        norm = torch.nn.BatchNorm1d(8, track_running_stats=False).double()
        conv.weight.data = phi[f"loss.conv{i}.weight"]
        norm.weight.data = phi[f"loss.norm{i}.weight"]
        if i < 4:
            norm.bias.data = phi[f"loss.norm{i}.bias"]
        x = torch.cat([x, norm(conv(x)).relu()], dim=1)
    x = (x.flatten(1) @ phi["loss.linear0.weight"].T).relu()
    x = (x @ phi["loss.linear1.weight"].T).relu()
    return (x @ phi["loss.linear2.weight"].T).squeeze(1)


def test_the_critic_is_as_described():
    phi, view = random_phi(), random_view(2)
    expected = by_layers(phi, view.query_logits)
    torch.testing.assert_close(critic(phi, view.query_logits), expected)
    torch.testing.assert_close(LOSS(phi, view), expected.sum())


def test_it_speaks_after_the_supervised_steps():
    phi = random_phi()
    for step, supervised in ((0, True), (1, True), (2, False), (3, False)):
        view = random_view(step)
        ce = F.cross_entropy(view.support_logits, view.support_labels)
        assert torch.isclose(LOSS(phi, view), ce) == supervised


def test_it_starts_without_an_opinion():
    phi = {n: v.double() for n, v in LOSS.init(torch.Generator().manual_seed(0)).items()}
    assert LOSS(phi, random_view(2)) == 0


def test_queries_are_needed():
    view = random_view(2)
    with pytest.raises(ValueError, match="needs query logits"):
        LOSS(random_phi(), TaskView(view.support_logits, view.support_labels, {}, 2))


def test_supervised_steps_do_not_ask_for_queries():
    assert [LOSS.sees_queries(step) for step in range(4)] == [False, False, True, True]
    assert LOSS.transductive
