import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats as scipy_stats

from fewshot_bench.errors import StatisticsError, UnpairedError
from fewshot_bench.stats import (
    DegenerateWarning,
    align_episodes,
    compare_paired,
    compare_unpaired,
    sign_flip_test,
)

from .known import ACC_A, ACC_B, CORRECT_A, CORRECT_B

pairs = (
    st.integers(2, 30)
    .flatmap(lambda n: hnp.arrays(np.int64, (2, n), elements=st.integers(0, 25)))
    .filter(lambda x: np.ptp(x[0] - x[1]) > 0)
)


def test_k3():
    r = compare_paired(CORRECT_A, CORRECT_B, 75)
    assert r.mean == pytest.approx(0.0573333333, abs=1e-9)
    assert r.sd == pytest.approx(0.0487067314, abs=1e-9)
    assert (r.low, r.high) == pytest.approx((0.0224906367, 0.0921760300), abs=1e-9)
    assert r.t == pytest.approx(3.7223585765, abs=1e-9)
    assert r.p == pytest.approx(0.00475326245, abs=1e-9)
    assert r.d_z == pytest.approx(1.1771131370, abs=1e-9)
    assert r.prob_superiority == pytest.approx(0.8, abs=1e-9)
    assert r.rank_biserial == pytest.approx(0.8909090909, abs=1e-9)
    assert r.rho == pytest.approx(0.8645844908, abs=1e-8)
    assert r.p_sign_flip == 10 / 1024
    shift = r.mde80 / (r.sd / math.sqrt(10))
    power = scipy_stats.nct.sf(scipy_stats.t.ppf(0.975, 9), 9, shift)
    assert power == pytest.approx(0.8, abs=1e-6)
    assert r.mde80 > r.half_width
    assert (r.n, r.df, r.estimand) == (10, 9, "closed")


def test_k3_unpaired_would_see_nothing():
    r = compare_unpaired(ACC_A, ACC_B)
    assert r.p == pytest.approx(0.1874157, abs=1e-7)
    assert "unpaired" in r.flags
    theirs = scipy_stats.ttest_ind(ACC_A, ACC_B, equal_var=False)
    limits = theirs.confidence_interval()
    assert (r.t, r.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert (r.low, r.high) == pytest.approx((limits.low, limits.high))


@settings(max_examples=50)
@given(pairs)
def test_agrees_with_scipy(x):
    a, b = x
    r = compare_paired(a, b, 25, n_resamples=19)
    theirs = scipy_stats.ttest_rel(a, b)
    assert (r.t, r.p) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-9, abs=1e-12)
    wilcoxon = scipy_stats.wilcoxon((a - b) / 25, zero_method="zsplit").pvalue
    assert r.p_wilcoxon == pytest.approx(wilcoxon)
    assert r.prob_superiority == pytest.approx(np.mean(a > b) + np.mean(a == b) / 2)


@settings(max_examples=50)
@given(pairs)
def test_swapping_the_methods_mirrors_the_result(x):
    r, s = compare_paired(*x, 25, n_resamples=99), compare_paired(*x[::-1], 25, n_resamples=99)
    assert (r.mean, r.low, r.t, r.d_z) == pytest.approx((-s.mean, -s.high, -s.t, -s.d_z))
    assert (r.p, r.p_sign_flip, r.p_wilcoxon) == pytest.approx((s.p, s.p_sign_flip, s.p_wilcoxon))
    assert r.prob_superiority == pytest.approx(1 - s.prob_superiority)
    assert r.rank_biserial == pytest.approx(-s.rank_biserial)


@settings(max_examples=15)
@given(pairs, st.integers(0, 1000))
def test_order_of_episodes_does_not_matter(x, seed):
    y = x[:, np.random.default_rng(seed).permutation(x.shape[1])]
    r, s = compare_paired(*x, 25, n_resamples=99), compare_paired(*y, 25, n_resamples=99)
    assert (r.low, r.p, r.p_wilcoxon) == pytest.approx((s.low, s.p, s.p_wilcoxon))
    assert r.p_sign_flip == s.p_sign_flip


def test_query_numbers_may_vary_between_episodes():
    r = compare_paired([10, 20, 30], [9, 22, 20], [20, 25, 50])
    assert r.mean == pytest.approx(np.mean([1 / 20, -2 / 25, 10 / 50]))


def test_ties_are_exact():
    # As float accuracies 0.3 - 0.2 and 0.2 - 0.1 would differ.
    r = compare_paired([3, 2, 5, 1], [2, 1, 5, 2], 10)
    assert r.rank_biserial == pytest.approx((2 + 2 - 2) / 6)
    assert r.prob_superiority == pytest.approx(0.5 + 0.125)


def test_identical_methods():
    with pytest.warns(DegenerateWarning):
        r = compare_paired(CORRECT_A, CORRECT_A, 75)
    assert (r.mean, r.p, r.p_sign_flip, r.p_wilcoxon) == (0, 1, 1, 1)
    assert (r.rank_biserial, r.d_z, r.prob_superiority, r.mde80) == (0, 0, 0.5, 0)
    assert {"degenerate", "identical"} <= set(r.flags)


def test_constant_difference_has_an_exact_p_not_zero():
    with pytest.warns(DegenerateWarning):
        r = compare_paired(np.array(CORRECT_B) + 1, CORRECT_B, 75)
    assert r.p == r.p_sign_flip == 2**-9
    assert r.half_width == 0
    assert r.rank_biserial == 1


def test_bad_input_is_refused():
    for arguments, words in [
        ((CORRECT_A, CORRECT_B, 59), "more correct queries"),
        ((ACC_A, ACC_B, 75), "whole numbers"),
        (([1], [2], 5), "At least 2 episodes"),
        (([], [], 5), "empty"),
        (([1.0, math.nan], [1, 2], 5), "NaN"),
        (([1, -1], [1, 2], 5), "at least 0"),
        (([1, 2], [1, 2], 0), "at least 1"),
        (([1, 2], [1, 2], [5, 5, 5]), "one per episode"),
        (([1, 2], [1, 2], 5.5), "whole numbers"),
        (([[1, 2]], [[1, 2]], 5), "dimension"),
    ]:
        with pytest.raises(StatisticsError, match=words):
            compare_paired(*arguments)
    with pytest.raises(UnpairedError, match="10 episodes and B has 9"):
        compare_paired(CORRECT_A, CORRECT_B[:9], 75)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_sign_flip_agrees_with_enumeration_and_scipy(alternative):
    rng = np.random.default_rng(5)
    d = rng.integers(-4, 7, 9)
    r = sign_flip_test(d, alternative)
    sums = [np.dot(signs, d) for signs in itertools.product([1, -1], repeat=9)]
    extreme = {
        "two-sided": np.abs(sums) >= abs(d.sum()),
        "greater": np.array(sums) >= d.sum(),
        "less": np.array(sums) <= d.sum(),
    }[alternative]
    assert r.exact
    assert r.n_resamples == 512
    assert float(r) == r.p == pytest.approx(extreme.mean(), abs=1e-12)
    theirs = scipy_stats.permutation_test(
        (d,), np.mean, permutation_type="samples", alternative=alternative, n_resamples=10_000
    )
    assert r.p == pytest.approx(theirs.pvalue)


def test_sign_flip_by_resampling():
    d = np.random.default_rng(1).normal(0.25, 1, 60)
    r = sign_flip_test(d, rng=0)
    assert not r.exact
    assert r.p == sign_flip_test(d, rng=0).p
    assert r.p == pytest.approx(scipy_stats.ttest_1samp(d, 0).pvalue, abs=0.02)
    assert sign_flip_test(np.full(40, 0.1), n_resamples=99).p == 1 / 100


def test_sign_flip_does_not_lose_ties_of_rounded_floats():
    d = [0.1, 0.2, 0.3, -0.3, 0.7]
    assert sign_flip_test(d).p == sign_flip_test([1, 2, 3, -3, 7]).p


def test_sign_flip_refuses_bad_input():
    with pytest.raises(StatisticsError, match="alternative"):
        sign_flip_test([1, 2], "both")
    with pytest.raises(StatisticsError, match="resamples"):
        sign_flip_test([1, 2], n_resamples=0)
    with pytest.raises(StatisticsError, match="empty"):
        sign_flip_test([])


def test_p_values_are_uniform_without_a_difference():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(400):
        easy = rng.uniform(0.3, 0.9, 40)
        a, b = rng.binomial(75, easy), rng.binomial(75, easy)
        r = compare_paired(a, b, 75, n_resamples=499, rng=rng)
        p.append((r.p, r.p_sign_flip, r.p_wilcoxon))
    for column in np.transpose(p):
        assert scipy_stats.kstest(column, "uniform").pvalue > 0.01


def test_align_finds_the_common_prefix():
    hashes = np.random.default_rng(0).integers(0, 2**63, 600).astype(np.uint64)
    assert align_episodes(hashes, hashes) == 600
    assert align_episodes(hashes, hashes[:250]) == 250
    changed = hashes.copy()
    changed[400] += np.uint64(1)
    assert align_episodes(list(hashes), changed) == 400
    assert align_episodes(hashes[:9].astype(str), hashes[:9].astype(str), minimum=5) == 9


def test_align_says_what_differs():
    hashes = np.arange(1000, 1600)
    changed = hashes.copy()
    changed[40] = 7
    for other, words in [
        (hashes[:60], "Only 60 common episodes"),
        (hashes + 5000, "no episode is common"),
        (hashes[::-1], "another order"),
        (changed, "first 40 episodes.*hash 1040 in one and 7 in the other.*599 episodes occur"),
    ]:
        with pytest.raises(UnpairedError, match=words):
            align_episodes(hashes, other)
    with pytest.raises(StatisticsError, match="list of episode hashes"):
        align_episodes([], hashes)


def test_unpaired_edge_cases():
    with pytest.warns(DegenerateWarning):
        r = compare_unpaired([0.5, 0.5], [0.25, 0.25])
    assert r.p == pytest.approx(2 / 6)
    with pytest.raises(StatisticsError, match="At least 2"):
        compare_unpaired([0.5], [0.5, 0.6])
