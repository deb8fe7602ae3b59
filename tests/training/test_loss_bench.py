"""Losses side by side: the same seeds for all, intervals over seeds."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.inner.losses.loss_file import network_file, write_loss
from fewshot_bench.inner.losses.network import ml3
from fewshot_bench.stats import mean_ci
from fewshot_bench.supervised.offline import OfflineRecipe
from fewshot_bench.supervised.train import Recipe, error, train
from fewshot_bench.training.loss_bench import Bench, compare_losses
from tests.supervised.common import MODEL, make_data

BENCH = Bench(MODEL, make_data(), Recipe(steps=8, batch_size=16), OfflineRecipe(steps=3))


def test_a_fixed_loss_is_plain_training():
    found = BENCH.test_error("cross_entropy", 3)
    plain = train(MODEL, BENCH.data, F.cross_entropy, BENCH.recipe, 3)
    assert found == error(MODEL, plain.params, BENCH.data.test)


def test_learned_losses_differ_as_they_should():
    offline, online = (BENCH.train(name, 3).params for name in ("adalfl[offline]", "adalfl"))
    first = next(iter(offline))
    assert not torch.equal(offline[first], online[first])
    torch.testing.assert_close(offline[first], online[first], rtol=0, atol=1e-2)


def test_a_file_is_the_loss_that_was_learned(tmp_path):
    path = tmp_path / "ml3.json"
    write_loss(path, network_file("ml3", "classification", BENCH.learn(ml3(), 3)))
    found, expected = BENCH.train(str(path), 3).params, BENCH.train("ml3", 3).params
    for name in expected:
        torch.testing.assert_close(found[name], expected[name])


def test_comparisons_are_paired_by_seed():
    told = []
    names = ["cross_entropy", "focal", "sparse_lsr"]
    lines = compare_losses(BENCH, names, [0, 1, 2], 0.9, done=lambda *what: told.append(what))
    assert [line.loss for line in lines] == names
    assert [(loss, seed) for loss, seed, _ in told] == [(n, s) for n in names for s in range(3)]
    first, second = (np.array(line.errors) for line in lines[:2])
    assert first[1] == BENCH.test_error("cross_entropy", 1)
    assert lines[0].difference is None
    assert lines[0].interval.mean == pytest.approx(first.mean())
    expected = mean_ci(second - first, 0.9, bounded=False)
    assert lines[1].difference.low == pytest.approx(expected.low)
    assert lines[1].difference.estimand == "fixed_list"


def test_broken_trainings_and_single_seeds_have_no_interval(monkeypatch):
    [line] = compare_losses(BENCH, ["cross_entropy"], [0])
    assert line.interval is None
    recipe = Recipe(steps=400, batch_size=16, lr=1e20)
    broken = Bench(MODEL, make_data("regression"), recipe, BENCH.offline)
    lines = compare_losses(broken, ["squared_error"], [0, 1])
    assert all(math.isnan(e) for e in lines[0].errors)
    assert lines[0].interval is None
    # The last step can break it, too, after a loss that was fine.
    recipe = Recipe(steps=1, batch_size=16, lr=1e37)
    assert math.isnan(Bench(MODEL, make_data(), recipe).test_error("cross_entropy", 0))
    # Nor do the losses that were fine go down with one that could not be learned.
    recipe = Recipe(steps=8, batch_size=16, lr=1e20)
    assert math.isnan(Bench(MODEL, make_data(), recipe, BENCH.offline).test_error("ml3", 0))


def test_names_are_checked_before_anything_is_trained():
    told = []
    with pytest.raises(ConfigError, match="unknown loss 'focul'"):
        compare_losses(BENCH, ["focal", "focul"], [0], done=lambda *what: told.append(what))
    assert not told


def test_files_for_the_other_task_are_refused(tmp_path):
    path = tmp_path / "ml3.json"
    write_loss(path, network_file("ml3", "regression", BENCH.learn(ml3(), 3)))
    with pytest.raises(DataError, match="learned for regression, not classification"):
        BENCH.test_error(str(path), 0)


def test_losses_that_do_not_fit_are_refused():
    regression = Bench(MODEL, make_data("regression"), BENCH.recipe, BENCH.offline)
    with pytest.raises(ConfigError, match="does not fit regression"):
        regression.test_error("cross_entropy", 0)
    assert regression.test_error("ml3", 0) > 0
    with pytest.raises(ConfigError, match="unknown loss 'cros_entropy'; did you mean"):
        BENCH.test_error("cros_entropy", 0)
