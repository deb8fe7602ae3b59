"""Support set and queries as one batch, against a network written out with torch's own layers."""

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.registry import METHODS
from tests.methods.common import build, learned, make_episode, make_params, shaken

LR, STEPS = 0.1, 2


def network(params, images):
    """conv4 of torch's functions; the whole batch is normalised together."""
    x = images
    for block in (1, 2, 3, 4):
        name = f"backbone.block{block}"
        x = F.conv2d(x, params[f"{name}.conv.weight"], params.get(f"{name}.conv.bias"), padding=1)
        x = F.batch_norm(
            x, None, None, params[f"{name}.norm.weight"], params[f"{name}.norm.bias"], training=True
        )
        x = F.max_pool2d(x.relu(), 2)
    return F.linear(x.flatten(1), params["head.weight"], params["head.bias"])


def by_hand(params, episode, moves):
    """Parameters after the inner steps, support set and queries in one batch in each."""
    images, n = torch.cat([episode.support, episode.query]), len(episode.support)
    moved = dict(params)
    for _ in range(STEPS):
        names = [name for name in params if moves(name)]
        loss = F.cross_entropy(network(moved, images)[:n], episode.support_labels)
        grads = torch.autograd.grad(loss, [moved[name] for name in names], create_graph=True)
        moved |= {name: moved[name] - LR * g for name, g in zip(names, grads, strict=True)}
    return moved, images, n


@pytest.mark.parametrize("bn", ["joint", "joint_steps"])
@pytest.mark.parametrize("adapt", ["all", "all_but_norm", "head"])
def test_inner_steps_and_prediction_are_those_of_one_batch(bn, adapt):
    method = build("maml", bn=bn, adapt=adapt, lr=LR, steps=STEPS, test_steps=STEPS)
    params, episode = shaken(make_params(method)), make_episode()
    moves = {
        "all": lambda name: True,
        "all_but_norm": lambda name: ".norm." not in name,
        "head": lambda name: name.startswith("head."),
    }[adapt]
    moved, images, n = by_hand(params, episode, moves)
    logits = network(moved, images)[n:] if bn == "joint" else network(moved, episode.query)
    torch.testing.assert_close(method.predict(params, episode), logits, rtol=1e-8, atol=1e-8)

    expected = F.cross_entropy(logits, episode.targets)
    loss, _ = method.episode_loss(params, episode)
    names = list(learned(params))
    grads, wanted = (
        torch.autograd.grad(value, [params[name] for name in names]) for value in (loss, expected)
    )
    for name, grad, other in zip(names, grads, wanted, strict=True):
        torch.testing.assert_close(grad, other, rtol=1e-7, atol=1e-9, msg=name)


def test_the_outer_loss_of_metal_may_count_the_support_set():
    """Its loss networks start at zero, so that inner steps are those of MAML."""
    both = build("metal", lr=LR, steps=STEPS, outer="both")
    params, episode = make_params(both), make_episode()
    weights = {n: p for n, p in params.items() if not n.startswith("loss.")}
    moved, images, _ = by_hand(weights, episode, lambda name: ".norm." not in name)
    labels = torch.cat([episode.support_labels, episode.targets])
    expected = F.cross_entropy(network(moved, images), labels)
    torch.testing.assert_close(both.episode_loss(params, episode).loss, expected)
    plain = build("metal", lr=LR, steps=STEPS)
    n = len(episode.support)
    expected = F.cross_entropy(network(moved, images)[n:], episode.targets)
    torch.testing.assert_close(plain.episode_loss(params, episode).loss, expected)


@pytest.mark.parametrize("bn", ["joint", "joint_steps"])
@pytest.mark.parametrize("name", ["maml", "npbml[init]", "proto-maml"])
def test_the_queries_see_each_other(name, bn):
    method = build(name, bn=bn)
    assert method.traits.setting == "transductive_bn"
    assert METHODS.entry(name).setting_of({"bn": bn}) == "transductive_bn"
