"""AdaLFL: the gradient that adapts the loss is exact, and the network is trained as ever."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.errors import TrainingError
from fewshot_bench.inner.losses.network import adalfl
from fewshot_bench.inner.losses.per_output import criterion
from fewshot_bench.nn.params import trainable
from fewshot_bench.supervised.offline import OfflineRecipe, learn_offline, outer_loss
from fewshot_bench.supervised.train import (
    Progress,
    Recipe,
    batches,
    begin,
    descend,
    settle,
    train,
)
from fewshot_bench.training import adalfl as module
from fewshot_bench.training.adalfl import OnlineRecipe, train_adaptively
from tests.supervised.common import MODEL, Double, make_data

RECIPE = Recipe(steps=6, batch_size=16, lr=0.1)
SHORT = OfflineRecipe(steps=3)


def test_the_hypergradient_equals_finite_differences():
    """In the midst of a training: theta is no start, and the momentum is not zero."""
    data, model, loss = make_data(dtype=torch.float64), Double(), adalfl(width=6)
    draws = torch.Generator().manual_seed(2)
    phi = {n: v.double().requires_grad_() for n, v in loss.init(draws).items()}
    optimizer = Recipe(lr=0.3, weight_decay=0.01).optimizer
    now, stream = begin(model, optimizer, draws), batches(data, "train", 16, 0)
    for batch in itertools.islice(stream, 3):
        now = settle(descend(model, F.cross_entropy, optimizer, now, batch))
    assert all(v.abs().max() > 0 for v in now.state.values())
    batch, held_out = next(stream), next(batches(data, "val", 16, 0))

    def outer(phi):
        learned = criterion(loss, phi, data.task)
        after = descend(model, learned, optimizer, now, batch, differentiable=True)
        return outer_loss(model, data, after.params, held_out)

    grads = dict(zip(phi, torch.autograd.grad(outer(phi), list(phi.values())), strict=True))
    for layer, grad in grads.items():
        assert grad.abs().max() > 1e-8
        for index in torch.nonzero(grad)[:8]:
            where, h = tuple(index.tolist()), 1e-5
            values = []
            for by in (h, -h):
                moved = phi[layer].detach().clone()
                moved[where] += by
                values.append(outer(phi | {layer: moved}).item())
            slope = (values[0] - values[1]) / (2 * h)
            assert grad[where].item() == pytest.approx(slope, rel=1e-5, abs=1e-10)


def test_without_updates_it_is_training_with_the_initial_loss():
    data = make_data()
    found = train_adaptively(MODEL, data, RECIPE, 4, None, SHORT, OnlineRecipe(lr=0.0))
    phi = learn_offline(adalfl(), MODEL, data, RECIPE, SHORT, 4)
    expected = train(MODEL, data, criterion(adalfl(), phi, data.task), RECIPE, 4)
    assert found.network.steps == expected.steps == RECIPE.steps
    for name, value in expected.params.items():
        torch.testing.assert_close(found.network.params[name], value)
    for values in (found.initial, found.phi):
        assert all(torch.equal(values[name], phi[name]) for name in phi)


def test_the_loss_is_updated_after_every_step_and_theta_goes_on(monkeypatch):
    data, steps = make_data(), []

    def watched(adam, phi, outer, step):
        before = {name: value.detach().clone() for name, value in phi.items()}
        original(adam, phi, outer, step)
        steps.append(step)
        assert any(not torch.equal(before[name], phi[name]) for name in phi)

    original = module.update
    monkeypatch.setattr(module, "update", watched)
    found = train_adaptively(MODEL, data, RECIPE, 4, None, SHORT, OnlineRecipe(lr=1e-3))
    assert steps == list(range(RECIPE.steps))
    same = train_adaptively(MODEL, data, RECIPE, 4, None, SHORT, OnlineRecipe(lr=1e-3))
    longer = train_adaptively(MODEL, data, Recipe(7, 16, 0.1), 4, None, SHORT, OnlineRecipe(1e-3))
    for name, value in found.network.params.items():
        assert torch.equal(value, same.network.params[name])
        assert not torch.equal(value, longer.network.params[name])
        torch.testing.assert_close(value, longer.network.params[name], rtol=0, atol=0.2)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_it_learns(task):
    data = make_data(task)
    recipe = Recipe(150, 16, 0.05)
    found = train_adaptively(MODEL, data, recipe, 0, None, OfflineRecipe(150), OnlineRecipe(1e-4))
    fresh = begin(MODEL, recipe.optimizer, torch.Generator().manual_seed(0)).params
    batch = data.test.inputs, data.test.targets
    before, after = (outer_loss(MODEL, data, p, batch) for p in (fresh, found.network.params))
    assert after < 0.6 * before


def test_what_is_not_finite_ends_the_training_or_says_so(monkeypatch):
    data = make_data()
    calls = itertools.count()

    def breaks(*args, **kwargs) -> Progress | None:
        return None if next(calls) == 2 else descend(*args, **kwargs)

    monkeypatch.setattr(module, "descend", breaks)
    found = train_adaptively(MODEL, data, RECIPE, 4, None, OfflineRecipe(0))
    assert found.network.steps == 2
    assert all(value.isfinite().all() for value in trainable(found.network.params).values())
    monkeypatch.setattr(module, "descend", descend)
    data.val.inputs[:] = float("inf")
    with pytest.raises(TrainingError, match="is learned from is not finite in its update 0"):
        train_adaptively(MODEL, data, RECIPE, 4, None, OfflineRecipe(0))
