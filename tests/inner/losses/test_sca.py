"""SCA's critic against torch's own layers, and when it has its say."""

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.inner.losses.sca import DILATIONS, SelfCritique, critic
from fewshot_bench.inner.protocols import TaskView
from fewshot_bench.nn.norm import NormMode, blend
from fewshot_bench.nn.params import is_buffer
from tests.inner.losses.common import DOUBLE, random_logits

LOSS = SelfCritique(n_way=3, n_supervised=2)


def random_phi(seed=0):
    draws = torch.Generator().manual_seed(seed)
    shaken = {}
    for name, value in LOSS.init(draws).items():
        noise = 0.3 * torch.randn(value.shape, generator=draws, dtype=DOUBLE)
        shaken[name] = value.double() + (noise.abs() if name.endswith("running_var") else noise)
    return shaken


def random_view(step, mode=None):
    support, labels = random_logits(n=4, c=3)
    query, _ = random_logits(n=6, c=3, seed=1)
    return TaskView(support, labels, {}, step, query, mode=mode or NormMode(training=True))


def by_layers(phi, logits, training=True):
    """And torch's running averages afterwards."""
    averages = {}
    x = torch.cat([logits, logits.abs(), logits**2, logits.sign()], dim=1)[:, None]
    for i, dilation in enumerate(DILATIONS):
        conv = torch.nn.Conv1d(1 + 8 * i, 8, 3, dilation=dilation, padding=dilation, bias=False)
        norm = torch.nn.BatchNorm1d(8).double().train(training)
        norm.running_mean.copy_(phi[f"loss.norm{i}.running_mean"])
        norm.running_var.copy_(phi[f"loss.norm{i}.running_var"])
        conv.weight.data = phi[f"loss.conv{i}.weight"]
        norm.weight.data = phi[f"loss.norm{i}.weight"]
        if i < 4:
            norm.bias.data = phi[f"loss.norm{i}.bias"]
        x = torch.cat([x, norm(conv(x)).relu()], dim=1)
        for kind in ("running_mean", "running_var"):
            averages[f"loss.norm{i}.{kind}"] = getattr(norm, kind)
    x = (x.flatten(1) @ phi["loss.linear0.weight"].T).relu()
    x = (x @ phi["loss.linear1.weight"].T).relu()
    return (x @ phi["loss.linear2.weight"].T).squeeze(1), averages


@pytest.mark.parametrize("training", [True, False])
def test_the_critic_is_as_described(training):
    phi, mode = random_phi(), NormMode(training)
    view = random_view(2, mode)
    expected, averages = by_layers(phi, view.query_logits, training)
    torch.testing.assert_close(critic(phi, view.query_logits, mode), expected)
    torch.testing.assert_close(LOSS(phi, view), expected.sum())
    blend(phi, mode.seen)
    for name, value in averages.items():
        torch.testing.assert_close(phi[name], value, msg=name)


def test_by_the_batch_it_has_no_averages_and_judges_the_same_at_any_time():
    plain = SelfCritique(n_way=3, n_supervised=2, norm="batch")
    phi = {n: v for n, v in random_phi().items() if not is_buffer(n)}
    assert phi.keys() == plain.init(torch.Generator()).keys()
    judged = [plain(phi, random_view(2, NormMode(training))) for training in (True, False)]
    assert torch.equal(*judged)
    assert torch.equal(judged[0], LOSS(random_phi(), random_view(2)))
    assert LOSS.keeps_averages
    assert not plain.keeps_averages


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
