"""All differences at once are those that pairwise comparisons give one by one."""

import itertools

import numpy as np
import pytest

from fewshot_bench.errors import StatisticsError, UnpairedError
from fewshot_bench.stats import all_differences, compare_methods, compare_paired

Q, T = 20, 40


def counts(seeds, skill, key):
    random = np.random.default_rng(key)
    hard = np.random.default_rng(0).normal(0, 0.1, T)
    seed = random.normal(0, 0.03, (seeds, 1))
    return random.binomial(Q, np.clip(0.6 + skill + hard + seed, 0.02, 0.98))


SEEDS = (3, 2, 5, 1, 1)
COUNTS = [counts(seeds, 0.02 * key, key) for key, seeds in enumerate(SEEDS, 1)]


def test_every_pair_agrees_with_its_own_comparison():
    got = all_differences([c / Q for c in COUNTS], 0.9)
    for k, (a, b) in enumerate(itertools.combinations(COUNTS, 2)):
        single = min(len(a), len(b)) == 1
        assert got.closed[k] == single
        if single:
            # seed means times the number of seeds are whole numbers again
            scale = len(a) * len(b)
            x, y = (c.sum(axis=0) * scale // len(c) for c in (a, b))
            one = compare_paired(x, y, Q * scale, 0.9)
        else:
            one = compare_methods(a / Q, b / Q, 0.9)
            assert got.v[k] == pytest.approx(one.v, rel=1e-12)
        assert got.mean[k] == pytest.approx(one.mean, abs=1e-14)
        assert got.p[k] == pytest.approx(one.p, rel=1e-9)
        assert got.df[k] == pytest.approx(one.df, rel=1e-10)
        assert got.half_width[k] == pytest.approx(one.half_width, rel=1e-10)


def test_equal_methods_differ_by_nothing_and_constant_differences_prove_nothing():
    a = COUNTS[0] / Q
    lower = np.full((1, T), 0.25)
    got = all_differences([a, a, lower, lower + 0.5])
    assert (got.mean[0], got.p[0]) == (0, 1)
    assert got.mean[-1] == -0.5
    assert (got.v[-1], got.half_width[-1], got.p[-1]) == (0, 0, 1)


def test_one_method_has_no_pairs():
    assert len(all_differences([COUNTS[0] / Q]).mean) == 0


def test_other_episodes_and_bad_values_are_refused():
    with pytest.raises(UnpairedError):
        all_differences([COUNTS[0] / Q, COUNTS[1][:, 1:] / Q])
    with pytest.raises(StatisticsError):
        all_differences([COUNTS[0], COUNTS[1]])
    with pytest.raises(StatisticsError):
        all_differences([[[0.5]], [[0.6]]])
