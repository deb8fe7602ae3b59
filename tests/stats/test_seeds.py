import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fewshot_bench.errors import StatisticsError
from fewshot_bench.stats import DegenerateWarning, mean_ci, pigeonhole_ci, seed_episode_ci
from fewshot_bench.stats.distributions import t_quantile

from .known import SEEDS_A, oracle

matrices = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 6), st.integers(2, 12)),
    elements=st.floats(0, 1, width=32),
).filter(lambda a: np.ptp(a) > 1e-2)


def loop_crossed(a, level=0.95):
    """The crossed formulas of the specification, by plain loops."""
    s_n, t_n = len(a), len(a[0])
    grand = sum(sum(row) for row in a) / (s_n * t_n)
    rows = [sum(row) / t_n for row in a]
    cols = [sum(a[s][t] for s in range(s_n)) / s_n for t in range(t_n)]
    ms_s = t_n * sum((r - grand) ** 2 for r in rows) / (s_n - 1)
    ms_t = s_n * sum((c - grand) ** 2 for c in cols) / (t_n - 1)
    ms_e = sum(
        (a[s][t] - rows[s] - cols[t] + grand) ** 2 for s in range(s_n) for t in range(t_n)
    ) / ((s_n - 1) * (t_n - 1))
    v = max(ms_s + ms_t - ms_e, ms_s, ms_t) / (s_n * t_n)
    bottom = ms_s**2 / (s_n - 1) + ms_t**2 / (t_n - 1) + ms_e**2 / ((s_n - 1) * (t_n - 1))
    df = (s_n * t_n * v) ** 2 / bottom
    if s_n < 4:
        df = min(df, s_n - 1)
    return ms_s, ms_t, ms_e, v, df, t_quantile(level, df) * math.sqrt(v)


def test_k5_crossed():
    ci = seed_episode_ci(SEEDS_A)
    got = (ci.mean, ci.ms_s, ci.ms_t, ci.ms_e, ci.v)
    want = (0.6166666667, 0.0025333333, 0.0237333333, 0.0004333333, 0.0021527778)
    assert got == pytest.approx(want, abs=1e-9)
    assert ci.df_satterthwaite == pytest.approx(3.4940880467, abs=1e-9)
    assert t_quantile(0.95, ci.df_satterthwaite) * math.sqrt(ci.v) == pytest.approx(
        0.1365218562, abs=1e-9
    )
    assert ci.df == 2
    assert ci.half_width == pytest.approx(0.1996346378, abs=1e-9)
    assert (ci.var_seed, ci.var_episode) == pytest.approx((0.000525, 0.0077666667), abs=1e-9)
    assert (ci.estimand, ci.n_seeds, ci.n) == ("method", 3, 4)


def test_k6_nested():
    rows = [[0.6, 0.5, 0.7, 0.64], [0.66, 0.58, 0.62, 0.70], [0.55, 0.61, 0.49, 0.59]]
    ci = seed_episode_ci(rows, design="nested")
    assert ci.mean == pytest.approx(0.6033333333, abs=1e-9)
    assert ci.half_width == pytest.approx(0.1003952304, abs=1e-9)
    assert ci.estimand == "method"
    assert (ci.n, ci.df) == (12, 2)


@settings(max_examples=60)
@given(matrices)
def test_crossed_agrees_with_plain_loops(a):
    ci = seed_episode_ci(a)
    want = loop_crossed(a.tolist())
    assert (ci.ms_s, ci.ms_t, ci.ms_e, ci.v) == pytest.approx(want[:4], rel=1e-6, abs=1e-12)
    # Seeds and episodes of equal means leave no degrees of freedom, hence no interval (NaN).
    assert (ci.df, ci.half_width) == pytest.approx(want[4:], rel=1e-6, abs=1e-9, nan_ok=True)


def test_mean_squares_agree_with_statsmodels():
    pd, smf = oracle("pandas"), oracle("statsmodels.formula.api")
    anova_lm = oracle("statsmodels.stats.anova").anova_lm
    a = np.random.default_rng(0).normal(0.6, 0.1, (4, 7)).clip(0, 1)
    s, t = np.indices(a.shape)
    frame = pd.DataFrame({"y": a.ravel(), "s": s.ravel(), "t": t.ravel()})
    squares = anova_lm(smf.ols("y ~ C(s) + C(t)", frame).fit())["mean_sq"].to_numpy()
    ci = seed_episode_ci(a)
    assert (ci.ms_s, ci.ms_t, ci.ms_e) == pytest.approx(tuple(squares), rel=1e-9)


def test_residual_above_seed_spread_does_not_shrink_the_variance():
    a = np.array([[0.5, 0.7, 0.6, 0.8], [0.7, 0.5, 0.8, 0.6], [0.6, 0.6, 0.7, 0.7]])
    ci = seed_episode_ci(a)
    assert ci.ms_e > ci.ms_s
    assert ci.var_seed == 0
    assert ci.v == pytest.approx(max(ci.ms_s + ci.ms_t - ci.ms_e, ci.ms_s, ci.ms_t) / 12)
    assert ci.v >= ci.ms_t / 12


def test_two_seeds_are_capped_and_flagged():
    ci = seed_episode_ci(SEEDS_A[:2])
    assert ci.df <= 1
    assert "few_seeds" in ci.flags
    assert ci.half_width > 5 * math.sqrt(ci.v)


def test_identical_seeds_leave_only_episode_noise():
    row = np.random.default_rng(1).uniform(0.3, 0.9, 50)
    ci = seed_episode_ci(np.tile(row, (5, 1)))
    assert ci.v == pytest.approx(row.var(ddof=1) / 50, rel=1e-9)
    assert ci.half_width == pytest.approx(mean_ci(row).half_width, rel=1e-9)


def test_fixed_list_is_about_seeds_only():
    ci = seed_episode_ci(SEEDS_A, design="fixed_list")
    assert ci.half_width == pytest.approx(mean_ci(np.mean(SEEDS_A, axis=1)).half_width)
    assert ci.estimand == "fixed_list"


def test_image_variance_widens():
    plain, wide = seed_episode_ci(SEEDS_A), seed_episode_ci(SEEDS_A, v_image=1e-3)
    assert wide.v == pytest.approx(plain.v + 1e-3)
    assert wide.half_width == pytest.approx(plain.half_width * math.sqrt(wide.v / plain.v))
    nested = seed_episode_ci(SEEDS_A, design="nested", v_image=1e-3)
    assert nested.half_width > seed_episode_ci(SEEDS_A, design="nested").half_width


def test_nested_rows_may_differ_in_length():
    ci = seed_episode_ci([[0.5, 0.6], [0.7, 0.7, 0.4], [0.55]], design="nested")
    assert ci.mean == pytest.approx(np.mean([0.55, 0.6, 0.55]))
    assert "unequal_episodes" in ci.flags
    assert ci.n == 6


@pytest.mark.parametrize("design", ["crossed", "nested"])
def test_all_correct_is_not_certainty(design):
    ci = seed_episode_ci(np.ones((3, 100)), design=design)
    assert ci.low == pytest.approx(0.025 ** (1 / 3))
    assert "degenerate" in ci.flags
    with pytest.warns(DegenerateWarning):
        assert seed_episode_ci(np.full((3, 100), 0.7), design=design).half_width == 0


@given(matrices, st.floats(-3, 3), st.floats(0.1, 5))
def test_shift_and_scale_carry_over(a, shift, scale):
    x = seed_episode_ci(a, bounded=False)
    y = seed_episode_ci(shift + scale * a, bounded=False)
    assert y.mean == pytest.approx(shift + scale * x.mean, abs=1e-9)
    assert y.half_width == pytest.approx(scale * x.half_width, rel=1e-5, nan_ok=True)


@given(matrices, st.integers(0, 1000))
def test_order_of_seeds_and_episodes_does_not_matter(a, seed):
    rng = np.random.default_rng(seed)
    b = a[rng.permutation(a.shape[0])][:, rng.permutation(a.shape[1])]
    expected = pytest.approx(seed_episode_ci(a).half_width, rel=1e-6, nan_ok=True)
    assert seed_episode_ci(b).half_width == expected


def test_bad_input_is_refused():
    for arguments, words in [
        (([[0.5, 0.6, 0.7]],), "One training seed"),
        (([[0.5, 0.6]], 0.95, "nested"), "One training seed"),
        (([[0.5, 0.6]], 0.95, "fixed_list"), "One training seed"),
        (([[0.5], [0.6]],), "At least 2 episodes"),
        (([[0.5, math.nan], [0.6, 0.7]],), "NaN"),
        (([[50, 60], [60, 70]],), "percent"),
        (([[0.5, 0.6], [0.7]],), "rectangular"),
        (([0.5, 0.6],), "dimension"),
        (([0.5, 0.6], 0.95, "nested"), "one row"),
        ((0.5, 0.95, "nested"), "one row"),
        (([], 0.95, "nested"), "one row"),
        (([[], [0.5]], 0.95, "nested"), "empty"),
        ((SEEDS_A, 0.95, "latin"), "design"),
        ((SEEDS_A, 95), "level"),
    ]:
        with pytest.raises(StatisticsError, match=words):
            seed_episode_ci(*arguments)
    with pytest.raises(StatisticsError, match="v_image"):
        seed_episode_ci(SEEDS_A, v_image=-1)


def test_pigeonhole_handles_missing_cells():
    rng = np.random.default_rng(0)
    a = 0.6 + rng.normal(0, 0.02, (6, 1)) + rng.normal(0, 0.08, 200) + rng.normal(0, 0.03, (6, 200))
    full = seed_episode_ci(a)
    holes = np.where(rng.random(a.shape) < 0.1, np.nan, a)
    ci = pigeonhole_ci(holes, rng=1)
    assert ci.mean == pytest.approx(np.nanmean(holes))
    assert 0.6 < ci.half_width / full.half_width < 1.6
    assert ci == pigeonhole_ci(holes, rng=1)
    with pytest.raises(StatisticsError, match="no value at all"):
        pigeonhole_ci([[0.5, 0.6], [math.nan, math.nan]])
    with pytest.raises(StatisticsError, match="One training seed"):
        pigeonhole_ci([[0.5, 0.6]])
    with pytest.raises(StatisticsError, match="matrix"):
        pigeonhole_ci([0.5, 0.6])
