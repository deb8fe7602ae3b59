"""MAML++: what it anneals, and statistics that belong to one step."""

import dataclasses

import pytest
import torch

from fewshot_bench.methods.maml_plus_plus import step_weights
from fewshot_bench.nn.norm import blend
from fewshot_bench.nn.params import is_buffer, trainable
from tests.methods.common import build, make_episode, make_params, slope

EPOCHS, SHARE = 100, 0.15
WEIGHT = "backbone.block1.conv.weight"


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_step_weights_sum_to_one_in_every_epoch(steps):
    for epoch in range(EPOCHS):
        weights = step_weights(epoch / EPOCHS, steps, SHARE)
        assert len(weights) == steps
        assert min(weights) >= 0
        assert sum(weights) == pytest.approx(1)


def test_step_weights_go_from_even_to_the_last():
    assert step_weights(0.0, 5, SHARE) == pytest.approx([0.2] * 5)
    assert step_weights(0.075, 5, SHARE) == pytest.approx([0.1] * 4 + [0.6])
    assert step_weights(0.149, 5, SHARE) == pytest.approx([0.006] * 4 + [0.976])  # the floor
    for progress, share in ((0.15, SHARE), (1.0, SHARE), (0.0, 0.0)):
        assert step_weights(progress, 5, share) == (0, 0, 0, 0, 1)


def test_training_starts_in_first_order_and_ends_in_second():
    method = build("maml++", first_order=0.5)
    params, episode = make_params(method), make_episode()
    final, late = method.episode_loss(params, episode)[0], method.at(0.99)
    assert torch.equal(final, late.episode_loss(params, episode)[0])
    assert method.at(0.0).episode_loss(params, episode)[0] != final
    gradients = {
        p: torch.autograd.grad(method.at(p).episode_loss(params, episode)[0], params[WEIGHT])[0]
        for p in (0.2, 0.49, 0.5, 0.99)
    }
    assert torch.equal(gradients[0.2], gradients[0.49]), "first order"
    assert torch.equal(gradients[0.5], gradients[0.99]), "second order"
    assert not torch.allclose(gradients[0.49], gradients[0.5])
    assert torch.equal(late.predict(params, episode), method.predict(params, episode))


def test_the_multi_step_loss_is_the_mean_of_the_losses_after_each_step():
    method = build("maml++", steps=3, first_order=0.0)
    params, episode = make_params(method), make_episode()
    losses = [
        dataclasses.replace(method.method, steps=k).episode_loss(params, episode)[0]
        for k in (1, 2, 3)
    ]
    whole = method.at(0.0).episode_loss(params, episode)[0]
    torch.testing.assert_close(whole, torch.stack(losses).mean())


@pytest.mark.parametrize("progress", [0.0, 0.14, 0.3, 0.6])
def test_what_is_learned_gets_a_gradient_whenever_it_takes_part(progress):
    """In first order, an inner step's own normalisation acts on constants and gets none."""
    method = build("maml++").at(progress)
    params = make_params(method)
    loss, _ = method.episode_loss(params, make_episode())
    for name, value in trainable(params).items():
        [grad] = torch.autograd.grad(loss, [value], retain_graph=True)
        assert grad.isfinite().all()
        rows = grad.flatten(1).abs().amax(1) if grad.dim() == 2 and "norm" in name else grad.abs()
        silent = progress == 0.3 and "norm" in name
        assert (rows[-1:] if silent else rows).max() > 1e-12, name
        if "norm" in name and not silent:
            assert (rows > 1e-12).all(), name


def test_statistics_of_a_step_are_untouched_by_the_next():
    method = build("maml++", steps=3).method
    params, episode = make_params(method), make_episode()
    one, two = (
        dataclasses.replace(method, steps=k).episode_loss(params, episode)[1] for k in (1, 2)
    )
    assert {key.partition("@")[2] for key in one} == {"0"}
    assert {key.partition("@")[2] for key in two} == {"0", "1"}
    before = {name: value.detach().clone() for name, value in params.items()}
    blend(params, {key: value for key, value in two.items() if key.endswith("@1")})
    for name in filter(is_buffer, params):
        assert torch.equal(params[name][[0, 2]], before[name][[0, 2]])
        assert not torch.equal(params[name][1], before[name][1])


def test_each_step_normalises_by_its_own_averages_at_test():
    method = build("maml++", steps=3, test_steps=3)
    params, episode = make_params(method), make_episode()
    expected = method.predict(params, episode)
    for row in range(3):
        changed = dict(params)
        name = "backbone.block2.norm.running_mean"
        changed[name] = params[name].clone()
        changed[name][row] += 1
        assert not torch.allclose(method.predict(changed, episode), expected)


def test_the_multi_step_meta_gradient_equals_finite_differences():
    method = build("maml++", steps=2, first_order=0.0).at(0.05)
    params, episode = make_params(method), make_episode()
    names = list(trainable(params))
    loss, _ = method.episode_loss(params, episode)
    grads = dict(zip(names, torch.autograd.grad(loss, [params[n] for n in names]), strict=True))
    generator = torch.Generator().manual_seed(2)
    direction = {n: torch.randn(g.shape, generator=generator).double() for n, g in grads.items()}
    direction = {n: d / d.norm() for n, d in direction.items()}
    exact = sum((grads[n] * d).sum() for n, d in direction.items()).item()
    assert slope(method, params, episode, direction) == pytest.approx(exact, rel=1e-5)
