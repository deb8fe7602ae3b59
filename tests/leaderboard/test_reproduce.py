"""Configurations of published rows: valid, complete, and judged by the right margin."""

import math

import numpy as np
import pytest
from scipy import stats

from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.leaderboard.published import read_published
from fewshot_bench.leaderboard.reproduce import Published, judge, reproduction, reproductions
from fewshot_bench.methods.build import resolve_options
from fewshot_bench.registry import BACKBONES, BENCHMARKS, METHODS
from tests.leaderboard.synthetic import synthetic
from tests.leaderboard.test_published import FILE

ALL = reproductions()
MEASURED = {"MAML", "ProtoNet", "NPBML"}
# Their file says that these are not the paper's budgets.
FOR_A_CPU = {f"npbml-cifar-fs-conv4-64-{shots}shot" for shots in (1, 5)}


@pytest.mark.parametrize("name", ALL)
def test_settings_fit_the_method_they_are_for(name):
    settings = ALL[name].settings
    if settings["method"] not in METHODS:
        pytest.skip(f"{settings['method']} is not registered")
    config = ALL[name].config()
    assert config.backbone in BACKBONES
    assert config.benchmark in BENCHMARKS
    options = resolve_options(config.method, config.options)
    assert config.options.items() <= options.items()
    assert (config.train.steps >= 10_000) != (name in FOR_A_CPU)
    assert config.evaluate.episodes >= 600
    n_train = {"mini-imagenet": 64, "tiered-imagenet": 351, "cifar-fs": 64, "fc100": 60}
    assert (config.train.n_way or config.task.n_way) <= n_train[config.benchmark]


@pytest.mark.parametrize("name", ALL)
def test_the_number_is_that_of_the_published_table(name):
    one = ALL[name]
    settings, published = one.settings, one.published
    key = (published.method, published.backbone, settings["benchmark"], settings["task"]["n_shot"])
    [row] = [r for r in read_published(FILE) if (r.method, r.backbone, r.benchmark, r.shot) == key]
    assert row.accuracy == pytest.approx(published.accuracy_percent / 100)
    half = published.half_width_percent
    assert (row.low is None) == (half is None)
    assert half is None or row.high - row.accuracy == pytest.approx(half / 100)
    assert (row.source, row.interval) == (published.source, published.interval)


def test_every_published_row_of_these_methods_has_a_configuration():
    wanted = {
        (r.method, r.backbone, r.benchmark, r.shot)
        for r in read_published(FILE)
        if r.method.split("[")[0] in MEASURED and r.benchmark != "cub"  # which has no settings yet
    }
    have = set()
    for one in ALL.values():
        settings, published = one.settings, one.published
        task = settings["benchmark"], settings["task"]["n_shot"]
        have.add((published.method, published.backbone, *task))
    assert have == wanted
    assert len(wanted) > 50


def test_unknown_rows_get_the_closest_names():
    with pytest.raises(ConfigError, match=r"did you mean .*maml-mini-imagenet-conv4-32-1shot"):
        reproduction("maml-miniimagenet-conv4-32-1shot")


def number(percent, half=None):
    interval = "" if half is None else "ci95"
    return Published(
        method="a", backbone="b", accuracy_percent=percent, half_width_percent=half,
        interval=interval, source="x",
    )  # fmt: skip


def test_with_one_seed_and_no_interval_the_margin_is_our_own():
    result = synthetic()
    verdict = judge([result], number(60.0))
    own = interval_of([result], "closed", 0.95)
    assert verdict.margin == pytest.approx(own.half_width)
    assert verdict.difference == pytest.approx(result.accuracy.mean() - 0.6)


def test_uncertainties_add_as_in_welch_and_satterthwaite():
    results = [synthetic(seed=seed) for seed in range(3)]
    own = interval_of(results, "closed", 0.95)
    se = own.half_width / stats.t.ppf(0.975, own.df)
    other = 0.0184 / stats.norm.ppf(0.975)
    total = math.hypot(se, other)
    df = total**4 / (se**4 / own.df)
    verdict = judge(results, number(48.7, 1.84))
    assert verdict.margin == pytest.approx(stats.t.ppf(0.975, df) * total)
    assert verdict.margin > max(own.half_width, 0.0184)
    assert not verdict.inside
    power = stats.nct.sf(stats.t.ppf(0.975, df), df, verdict.detectable / total)
    assert power == pytest.approx(0.8, abs=1e-6)
    assert verdict.detectable > verdict.margin


def test_inside_and_outside_change_at_the_margin():
    result = synthetic()
    mean, margin = result.accuracy.mean(), judge([result], number(60.0, 0.5)).margin
    for share, inside in ((0.99, True), (1.01, False)):
        for sign in (-1, 1):
            percent = 100 * (mean + sign * share * margin)
            assert judge([result], number(percent, 0.5)).inside is inside
    assert np.isfinite(margin)
