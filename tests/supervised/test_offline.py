"""Learning a loss from first steps."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.errors import TrainingError
from fewshot_bench.inner.losses.network import adalfl, ml3
from fewshot_bench.inner.losses.per_output import criterion
from fewshot_bench.inner.losses.taylor import TaylorGLO
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.supervised.offline import OfflineRecipe, learn_offline, outer_loss
from fewshot_bench.supervised.train import (
    LOSS,
    WEIGHTS,
    Recipe,
    batches,
    begin,
    descend,
    generator,
)
from tests.supervised.common import MODEL, Double, make_data

RECIPE = Recipe(batch_size=16, lr=0.5)


@pytest.mark.parametrize("loss", [ml3(width=6), adalfl(width=6), TaylorGLO()])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_first_update_follows_the_hypergradient(loss, task):
    """Adam's first step is its rate times the sign of a gradient, here by finite differences."""
    data, model = make_data(task, dtype=torch.float64), Double()

    class InDouble:
        def init(self, draws):
            return {name: value.double() for name, value in loss.init(draws).items()}

        def __call__(self, phi, view):
            return loss(phi, view)

        def of_outputs(self, *args):
            return loss.of_outputs(*args)

    start = InDouble().init(generator(5, LOSS))
    train_batch = next(batches(data, "train", 16, 5))
    outer_batch = next(batches(data, "val", 16, 5))

    def outer(phi):
        now = begin(model, RECIPE.optimizer, generator(5, WEIGHTS))
        after = descend(model, criterion(loss, phi, task), RECIPE.optimizer, now, train_batch)
        return outer_loss(model, data, after.params, outer_batch).item()

    found = learn_offline(InDouble(), model, data, RECIPE, OfflineRecipe(1, lr=1e-3), seed=5)
    compared = 0
    for name, value in start.items():
        for index in itertools.islice(torch.cartesian_prod(*map(torch.arange, value.shape)), 12):
            where = tuple(torch.atleast_1d(index).tolist())
            slopes = []
            for h in (1e-5, -1e-5):
                moved = value.clone()
                moved[where] += h
                slopes.append(outer(start | {name: moved}) / (2 * h))
            slope = sum(slopes)
            if abs(slope) > 1e-6:
                step = (found[name] - value)[where].item()
                assert step == pytest.approx(-1e-3 * (1 if slope > 0 else -1), rel=0.02)
                compared += 1
    assert compared > 4


def test_what_is_learned_makes_first_steps_better():
    data = make_data()

    def after_a_step(phi):
        now = begin(MODEL, RECIPE.optimizer, generator(9, WEIGHTS))
        learned = criterion(adalfl(), phi, data.task)
        batch = next(batches(data, "train", 16, 9))
        after = descend(MODEL, learned, RECIPE.optimizer, now, batch)
        return F.cross_entropy(
            MODEL(after.params, data.test.inputs, NormMode(training=False)), data.test.targets
        ).item()

    losses = [
        after_a_step(learn_offline(adalfl(), MODEL, data, RECIPE, OfflineRecipe(n), 0))
        for n in (0, 60)
    ]
    assert losses[1] < losses[0] - 0.05


def test_several_inner_steps_and_another_part_change_what_is_learned():
    data = make_data()
    recipes = (OfflineRecipe(3), OfflineRecipe(3, inner_steps=2), OfflineRecipe(3, outer="train"))
    one, two, three = (learn_offline(ml3(), MODEL, data, RECIPE, r, 0) for r in recipes)
    assert not torch.equal(one["loss.0.weight"], two["loss.0.weight"])
    assert not torch.equal(one["loss.0.weight"], three["loss.0.weight"])


def test_what_is_not_finite_is_an_error():
    data = make_data()

    class Broken:
        def init(self, draws):
            return {"loss.scale": torch.ones(())}

        def __call__(self, phi, view):
            return phi["loss.scale"] * view.support_logits.sum() * self.factor

    broken = Broken()
    for broken.factor, message in ((float("nan"), "learned loss"), (1e30, "is learned from")):
        with pytest.raises(TrainingError, match=f"{message}.* not finite in its update 0"):
            learn_offline(broken, MODEL, data, RECIPE, OfflineRecipe(2), 0)
