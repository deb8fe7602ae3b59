import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from fewshot_bench.errors import StatisticsError
from fewshot_bench.stats import (
    chance_normalized,
    compare_methods,
    episodes_for_seeds,
    min_detectable_effect,
    noether_sample_size,
    optimal_queries,
    variance_components,
)

from .known import CORRECT_A


def test_k11():
    c = variance_components(CORRECT_A, 75)
    got = (c.s2, c.sig_w2, c.sig_b2, c.icc)
    assert got == pytest.approx((0.0088987654, 0.2193153153, 0.0059745612, 0.6713921464), abs=1e-9)
    assert optimal_queries(c, 5, 1) == pytest.approx(2.7095456356, abs=1e-9)
    assert optimal_queries(c, 5, 5) == pytest.approx(6.0587282293, abs=1e-9)


def test_closed_evaluation_weighs_costs():
    c = variance_components(CORRECT_A, 75)
    expected = math.sqrt(40 * c.sig_w2 / c.sig_b2) / 5
    assert optimal_queries(c, 5, cost_ratio=40) == pytest.approx(expected)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_components_agree_with_one_way_analysis_of_variance(seed):
    rng = np.random.default_rng(seed)
    outcomes = rng.random((12, 20)) < rng.uniform(0.2, 0.9, (12, 1))
    means = outcomes.mean(axis=1)
    within = sum(outcomes[t].var(ddof=1) for t in range(12)) / 12
    c = variance_components(outcomes.sum(axis=1), 20)
    assert c.sig_w2 == pytest.approx(within)
    assert c.sig_b2 == pytest.approx(max(means.var(ddof=1) - within / 20, 0))


def test_query_numbers_may_vary():
    c = variance_components([10, 30, 12], [20, 40, 20])
    p, q = np.array([0.5, 0.75, 0.6]), np.array([20, 40, 20])
    within = p * (1 - p) * q / (q - 1)
    assert c.sig_w2 == pytest.approx(within.mean())
    assert c.sig_b2 == pytest.approx(max(p.var(ddof=1) - (within / q).mean(), 0))


def test_no_difference_between_episodes():
    c = variance_components([5, 5, 5], 10)
    assert (c.s2, c.sig_b2) == (0, 0)
    assert math.isnan(c.icc)
    assert math.isinf(optimal_queries(c, 5, 1))


def test_k23():
    assert noether_sample_size(0.75) == pytest.approx(28.8591302, abs=1e-6)
    assert math.ceil(noether_sample_size(0.75)) == 29
    assert min_detectable_effect(0.05, 600) == pytest.approx(0.0057187119, abs=1e-9)
    assert float(chance_normalized(0.62, 5)) == pytest.approx(0.525, abs=1e-9)


@pytest.mark.parametrize("df", [0.5, 1, 2, 4, 30, 999])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.9999])
def test_the_detectable_effect_has_the_power_of_its_own_t_test(df, level):
    factor = min_detectable_effect(1.0, 1, level, df=df)
    t = scipy_stats.t.ppf(0.5 + level / 2, df)
    assert factor > t
    if t < 1000:  # SciPy's distribution is of no use beyond
        assert scipy_stats.nct.sf(t, df, factor) == pytest.approx(0.8, abs=2e-4)


def test_three_seeds_find_the_stated_difference_in_eight_of_ten_studies():
    rng = np.random.default_rng(0)
    sd, n_seeds, found = 0.01, 3, 0
    error = sd * math.sqrt(2 / n_seeds)
    difference = min_detectable_effect(error, 1, df=2 * (n_seeds - 1))
    assert difference > scipy_stats.t.ppf(0.975, 4) * error
    for _ in range(1000):
        a, b = (rng.normal(m, sd, (n_seeds, 1)) for m in (0.6 + difference, 0.6))
        noise = rng.normal(0, 0.001, (2, n_seeds, 20))
        found += compare_methods(a + noise[0], b + noise[1]).low > 0
    # Satterthwaite's degrees of freedom are estimated, at most 4, which costs a little power.
    assert 0.7 < found / 1000 < 0.82


def test_planning_helpers():
    assert noether_sample_size(0.25) == pytest.approx(noether_sample_size(0.75))
    assert min_detectable_effect(0, 10) == 0
    assert chance_normalized([[0.2, 1.0]], 5) == pytest.approx(np.array([[0.0, 1.0]]))
    assert episodes_for_seeds(0.01**2, 0.08**2, 5) == pytest.approx(9 * 5 * 64)
    assert math.isinf(episodes_for_seeds(0.0, 0.01, 3))


def test_bad_input_is_refused():
    c = variance_components(CORRECT_A, 75)
    for call, words in [
        (lambda: variance_components([5], 10), "At least 2 episodes"),
        (lambda: variance_components([1, 0], 1), "queries per episode"),
        (lambda: variance_components([0.5, 0.6], 10), "whole numbers"),
        (lambda: optimal_queries(c, 5), "only one"),
        (lambda: optimal_queries(c, 5, 1, cost_ratio=2), "only one"),
        (lambda: optimal_queries(c, 0, 1), "n_way"),
        (lambda: optimal_queries(c, 5, 0), "n_shot"),
        (lambda: optimal_queries(c, 5, cost_ratio=-1), "cost_ratio"),
        (lambda: noether_sample_size(0.5), "no number"),
        (lambda: noether_sample_size(75), "gamma"),
        (lambda: min_detectable_effect(-1, 10), "sd"),
        (lambda: min_detectable_effect(0.1, 0), "episodes"),
        (lambda: min_detectable_effect(0.1, 1, df=0), "degrees of freedom"),
        (lambda: min_detectable_effect(0.1, 10, power=80), "power"),
        (lambda: chance_normalized(62, 5), "percent"),
        (lambda: chance_normalized(0.62, 1), "n_way"),
        (lambda: episodes_for_seeds(-1, 1, 3), "negative"),
    ]:
        with pytest.raises(StatisticsError, match=words):
            call()
