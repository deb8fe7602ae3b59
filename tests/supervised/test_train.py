"""Plain training is torch's own; errors are counted example by example."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.errors import ConfigError
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.supervised import train as module
from fewshot_bench.supervised.data import Examples
from fewshot_bench.supervised.models import build_model
from fewshot_bench.supervised.train import (
    WEIGHTS,
    Recipe,
    batches,
    error,
    generator,
    task_criterion,
    train,
)
from tests.supervised.common import MODEL, Double, make_data
from tests.supervised.test_models import image_data

RECIPE = Recipe(steps=7, batch_size=16, lr=0.1, momentum=0.8, weight_decay=0.01)


def test_training_is_that_of_torch():
    data, model = make_data(dtype=torch.float64), Double()
    found = train(model, data, F.cross_entropy, RECIPE, seed=3)
    params = model.init(generator(3, WEIGHTS))
    for value in params.values():
        value.requires_grad_()
    sgd = torch.optim.SGD(params.values(), lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.01)
    for x, y in itertools.islice(batches(data, "train", 16, seed=3), RECIPE.steps):
        sgd.zero_grad()
        F.cross_entropy(model(params, x, NormMode(training=True)), y).backward()
        sgd.step()
    assert found.steps == RECIPE.steps
    for name, value in params.items():
        torch.testing.assert_close(found.params[name], value.detach(), rtol=1e-10, atol=1e-12)


def test_training_lowers_the_error_of_both_tasks():
    for task in ("classification", "regression"):
        data = make_data(task)
        errors = [
            error(MODEL, train(MODEL, data, task_criterion(task), r, 0).params, data.test)
            for r in (Recipe(1), Recipe(300, lr=0.03))
        ]
        assert errors[1] < 0.5 * errors[0]


def test_a_seed_decides_everything():
    data = make_data()
    one, same, other = (train(MODEL, data, F.cross_entropy, RECIPE, s).params for s in (1, 1, 2))
    assert all(torch.equal(one[n], same[n]) for n in one)
    assert any(not torch.equal(one[n], other[n]) for n in one)


def test_an_epoch_shows_every_example_once():
    data = make_data(n=(40, 20, 20))
    drawn = [x for x, _ in itertools.islice(batches(data, "train", 20, seed=0), 4)]
    for epoch in (drawn[:2], drawn[2:]):
        rows = torch.cat(epoch)
        assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, data.train.inputs.tolist()))
    assert not torch.equal(drawn[0], drawn[2])
    [(x, y)] = itertools.islice(batches(data, "val", 128, seed=0), 1)
    assert len(x) == len(y) == 20


def test_what_a_loss_is_learned_on_comes_in_another_order():
    data = make_data()
    inner, outer = (next(batches(data, "train", 20, 0, outer=o))[0] for o in (False, True))
    assert not torch.equal(inner, outer)
    assert torch.equal(inner, next(batches(data, "train", 20, 0))[0])


def test_a_loss_that_is_not_finite_ends_the_training():
    data = make_data()
    calls = itertools.count()

    def breaks(logits, labels):
        return F.cross_entropy(logits, labels) * (float("nan") if next(calls) == 3 else 1)

    found = train(MODEL, data, breaks, RECIPE, 0)
    shorter = train(MODEL, data, F.cross_entropy, Recipe(3, 16, 0.1, 0.8, 0.01), 0)
    assert found.steps == 3
    assert all(torch.equal(found.params[n], shorter.params[n]) for n in found.params)


def test_running_averages_follow_the_batches():
    data = image_data()
    model = build_model("conv4-32", data)
    found = train(model, data, F.cross_entropy, Recipe(2), 0).params
    assert found["backbone.block1.norm.running_mean"].abs().max() > 0


def test_errors_are_means_over_all_examples(monkeypatch):
    monkeypatch.setattr(module, "EVALUATION_BATCH", 3)
    x = torch.eye(4)[torch.tensor([0, 1, 2, 3, 1])]

    def model(params, x, mode):
        return x

    labels = Examples(x, torch.tensor([0, 1, 0, 0, 1]))
    assert error(model, {}, labels) == pytest.approx(2 / 5)
    targets = Examples(x, x + torch.arange(5.0)[:, None])
    assert error(model, {}, targets) == pytest.approx((0 + 1 + 4 + 9 + 16) / 5)


def test_impossible_recipes_are_refused():
    with pytest.raises(ConfigError, match="at least one step"):
        Recipe(steps=0)
