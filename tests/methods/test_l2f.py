"""L2F: what a task keeps of the initialisation. That it can be MAML is in test_identity.py."""

import torch
import torch.nn.functional as F

from tests.methods.common import build, initial, make_episode, make_params


def test_a_task_begins_with_the_shares_that_the_gradients_call_for():
    method = build("l2f")
    params, episode = make_params(method), make_episode()
    plain = build("maml").task(params, episode)
    loss = plain.support_loss(plain.initial, 0)
    names = sorted(plain.initial)
    grads = torch.autograd.grad(loss, [plain.initial[name] for name in names])
    means = torch.stack([grad.mean() for grad in grads])
    weight, bias = (
        [params[f"attenuator.linear{i}.{kind}"] for i in (1, 2)] for kind in ("weight", "bias")
    )
    logits = weight[1] @ F.relu(weight[0] @ means + bias[0]) + bias[1]
    begun = initial(method, params, episode)
    for name, share in zip(names, torch.sigmoid(logits), strict=True):
        torch.testing.assert_close(begun[name], share * plain.initial[name])
    assert begun.keys() == plain.initial.keys()


def test_nearly_everything_is_kept_at_first():
    method = build("l2f")
    params, episode = make_params(method), make_episode()
    begun, plain = initial(method, params, episode), build("maml").task(params, episode).initial
    for name, value in begun.items():
        kept = value.norm() / plain[name].norm() if plain[name].any() else torch.tensor(1.0)
        assert 0.95 < kept.item() <= 1, name
