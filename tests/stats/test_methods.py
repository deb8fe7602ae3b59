import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot_bench.errors import StatisticsError, UnpairedError
from fewshot_bench.stats import (
    DegenerateWarning,
    compare_methods,
    compare_methods_unpaired,
    mean_over_datasets,
    seed_episode_ci,
)
from fewshot_bench.stats.distributions import t_quantile

from .known import SEEDS_A, SEEDS_B


def two_methods(seed, seeds=(3, 5), episodes=20):
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 0.08, episodes)
    return [
        (0.6 + hard + rng.normal(0, 0.02, (s, 1)) + rng.normal(0, 0.03, (s, episodes))).clip(0, 1)
        for s in seeds
    ]


def test_k7():
    ci = compare_methods(SEEDS_A, SEEDS_B)
    assert ci.mean == pytest.approx(0.0425, abs=1e-9)
    assert ci.v == pytest.approx(0.0002756944, abs=1e-9)
    assert ci.df == pytest.approx(1.7945018056, abs=1e-9)
    assert ci.half_width == pytest.approx(0.0798836476, abs=1e-9)
    assert (ci.estimand, ci.n_seeds) == ("method", (3, 3))


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_the_formula_written_out(seed):
    a, b = two_methods(seed)
    t = a.shape[1]
    x, y = seed_episode_ci(a), seed_episode_ci(b)
    d = a.mean(axis=0) - b.mean(axis=0)
    p = [x.ms_s / (3 * t), y.ms_s / (5 * t), np.var(d, ddof=1) / t]
    v = max(sum(p) - x.ms_e / (3 * t) - y.ms_e / (5 * t), max(p))
    df = v**2 / (p[0] ** 2 / 2 + p[1] ** 2 / 4 + p[2] ** 2 / (t - 1))
    ci = compare_methods(a, b)
    assert (ci.v, ci.df) == pytest.approx((v, df), rel=1e-9)
    assert ci.half_width == pytest.approx(t_quantile(0.95, df) * math.sqrt(v), rel=1e-9)
    assert (ci.p < 0.05) == (ci.low > 0 or ci.high < 0)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_swapping_the_methods_mirrors_the_result(seed):
    a, b = two_methods(seed)
    x, y = compare_methods(a, b), compare_methods(b, a)
    assert (x.low, x.high, x.p) == pytest.approx((-y.high, -y.low, y.p), rel=1e-9)


def test_unpaired_methods_add_the_variances_of_their_own_intervals():
    a, b = two_methods(0)[0], two_methods(1, episodes=30)[1]
    x, y = seed_episode_ci(a), seed_episode_ci(b)
    v = x.v + y.v
    df = v**2 / (x.v**2 / x.df + y.v**2 / y.df)
    ci = compare_methods_unpaired(a, b)
    assert ci.mean == pytest.approx(x.mean - y.mean)
    assert (ci.v, ci.df, ci.n) == (pytest.approx(v), pytest.approx(df), 20)
    assert ci.half_width == pytest.approx(t_quantile(0.95, df) * math.sqrt(v))
    assert (ci.flags, ci.n_seeds) == (("unpaired",), (3, 5))
    with pytest.warns(DegenerateWarning):
        same = compare_methods_unpaired(np.full((2, 9), 0.7), np.full((3, 7), 0.6))
    assert (same.p, same.df, same.flags) == (1.0, 1, ("unpaired", "few_seeds", "degenerate"))
    with pytest.raises(StatisticsError, match="One training seed"):
        compare_methods_unpaired(a, b[:1])


def test_unpaired_methods_are_covered():
    hits = 0
    for run in range(300):
        a, b = (two_methods([run, side], (4, 4), 40)[0] for side in range(2))
        ci = compare_methods_unpaired(a, b)
        hits += ci.low <= 0 <= ci.high
    assert 0.92 < hits / 300 < 0.99


def test_shared_seeds_use_differences():
    ci = compare_methods(SEEDS_A, SEEDS_B, shared_seeds=True)
    one = seed_episode_ci(np.subtract(SEEDS_A, SEEDS_B), bounded=False)
    assert (ci.low, ci.high, ci.df) == pytest.approx((one.low, one.high, one.df))


def test_no_spread_gives_no_small_p():
    with pytest.warns(DegenerateWarning):
        ci = compare_methods(np.full((3, 9), 0.7), np.full((3, 9), 0.6))
    assert (ci.p, ci.t) == (1.0, math.inf)
    assert "degenerate" in ci.flags
    row = np.random.default_rng(0).uniform(0.2, 0.8, 9)
    with pytest.warns(DegenerateWarning):
        assert compare_methods([row + 0.1] * 3, [row] * 3).p == 1.0


def test_bad_input_is_refused():
    with pytest.raises(UnpairedError, match="4 episodes and B has 3"):
        compare_methods(SEEDS_A, np.array(SEEDS_B)[:, :3])
    with pytest.raises(StatisticsError, match="One training seed"):
        compare_methods(SEEDS_A, SEEDS_B[:1])
    with pytest.raises(StatisticsError, match="At least 2 episodes"):
        compare_methods([[0.5], [0.6]], [[0.5], [0.6]])
    with pytest.raises(StatisticsError, match="percent"):
        compare_methods(np.multiply(SEEDS_A, 100), SEEDS_B)
    with pytest.raises(StatisticsError, match="as many seeds"):
        compare_methods(SEEDS_A, SEEDS_B[:2], shared_seeds=True)
    assert "few_seeds" in compare_methods(SEEDS_A, SEEDS_B[:2]).flags


def test_mean_over_datasets():
    cells = [two_methods(0, (4, 4))[0], two_methods(1, (4, 4), 35)[0]]
    y = np.mean([a.mean(axis=1) for a in cells], axis=0)
    parts = [seed_episode_ci(a) for a in cells]
    v = y.var(ddof=1) / 4
    v += sum(max(x.ms_t - x.ms_e, 0) / (4 * x.n) for x in parts) / 4
    ci = mean_over_datasets(cells)
    assert ci.mean == pytest.approx(y.mean())
    assert ci.v == pytest.approx(v, rel=1e-9)
    assert ci.n == 55
    few = mean_over_datasets([a[:3] for a in cells])
    assert few.df <= 2
    assert mean_over_datasets([np.ones((3, 5))]).low == pytest.approx(0.025 ** (1 / 3))


def test_mean_over_one_dataset_is_close_to_the_crossed_interval():
    a = two_methods(3, (5, 5), 400)[0]
    one, crossed = mean_over_datasets([a]), seed_episode_ci(a)
    assert one.half_width == pytest.approx(crossed.half_width, rel=0.02)


def test_mean_over_datasets_refuses_bad_input():
    with pytest.raises(StatisticsError, match="data sets"):
        mean_over_datasets([])
    with pytest.raises(StatisticsError, match="same seeds"):
        mean_over_datasets([SEEDS_A, SEEDS_B[:2]])
    with pytest.raises(StatisticsError, match="One training seed"):
        mean_over_datasets([SEEDS_A[:1]])
