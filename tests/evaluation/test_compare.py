"""Comparisons of stored results: paired by episode, refused where they can't be."""

import itertools
import json
import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from fewshot_bench.errors import ResultError, StatisticsError, UnpairedError
from fewshot_bench.evaluation.compare import compare_entrants
from fewshot_bench.evaluation.entrants import Entrant, load_entrants, with_distinct_names
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.result import make_result, write_result
from fewshot_bench.stats import seed_episode_ci
from tests.cli.common import fails, fsbench
from tests.evaluation.documents import document, sampler

T, Q = 200, 20


def fake(method, skill, seed=0, episodes=T, **changes):
    """A result whose episodes are a common difficulty plus the method's skill."""
    random = np.random.default_rng(1)
    p = np.clip(random.normal(0.6, 0.1, episodes) + skill, 0.02, 0.98)
    own = np.random.default_rng([seed, sum(map(ord, method))])
    facts = document(
        method={
            "id": method,
            "config": {"train": {"seed": seed}, **changes.get("config", {})},
        },
        checkpoint={"training_seed": seed, "sha256": f"{changes.get('model', 0)}{seed}" * 32},
        dataset={"fingerprint": "f", **changes.get("dataset", {})},
        protocol={"T": episodes, **changes.get("protocol", {})},
    )
    columns = {
        "n_correct": own.binomial(Q, p + 0.01 * own.normal()).astype(np.uint16),
        "n_query": np.full(episodes, Q, dtype=np.uint16),
        "episode_hash": np.arange(episodes).astype(np.uint64) + np.uint64(changes.get("shift", 0)),
        "episode_index": np.arange(episodes),
        "nll": np.zeros(episodes),
        "brier": np.zeros(episodes),
        "class_ids": np.zeros((episodes, 5), dtype=np.int32),
        "support_ids": np.zeros((episodes, 5, 1), dtype=np.int32),
        "query_ids": np.zeros((episodes, 5, 4), dtype=np.int32),
        "pred": np.zeros((episodes, 5, 4), dtype=np.uint8),
    }
    return make_result(facts, columns)


def entrant(name, skill, seeds=1, **changes):
    return Entrant(name, tuple(fake(name, skill, seed, **changes) for seed in range(seeds)))


def test_one_seed_each_is_a_paired_t_test():
    a, b = entrant("a", 0.1), entrant("b", 0.0)
    [pair] = compare_entrants([a, b]).pairs
    x, y = (e.results[0].accuracy for e in (a, b))
    expected = scipy_stats.ttest_rel(x, y)
    assert pair.p == pytest.approx(expected.pvalue)
    assert pair.p_holm == pair.p
    assert pair.difference.mean == pytest.approx((x - y).mean())
    assert pair.difference.estimand == "closed"
    ci = expected.confidence_interval()
    assert (pair.difference.low, pair.difference.high) == pytest.approx((ci.low, ci.high))


def test_entrants_are_ranked_and_pairs_adjusted():
    comparison = compare_entrants([entrant("c", -0.2), entrant("a", 0.1), entrant("b", 0.1)])
    assert comparison.names[2] == "c"
    assert comparison.ranks[0][0] == comparison.ranks[1][0] == 1
    assert comparison.ranks[2] == (3, 3)
    assert all(pair.p_holm >= pair.p for pair in comparison.pairs)
    assert len(comparison.pairs) == 3


def test_several_seeds_are_about_the_method():
    comparison = compare_entrants([entrant("a", 0.1, 3), entrant("b", 0.0, 4)])
    assert comparison.pairs[0].difference.estimand == "method"
    assert comparison.intervals[0].estimand == "method"
    assert math.isnan(comparison.pairs[0].effect)
    assert comparison.pairs[0].mde80 > comparison.pairs[0].difference.half_width
    results = entrant("a", 0.1, 3).results
    expected = seed_episode_ci(np.stack([r.accuracy for r in results]))
    assert interval_of(results, "closed", 0.95) == expected


def test_one_seed_against_several_is_refused():
    with pytest.raises(StatisticsError, match="a has one training seed"):
        compare_entrants([entrant("a", 0.1), entrant("b", 0.0, 2)])


def test_unpaired_methods_are_judged_over_their_seeds():
    a, b = entrant("a", 0.1, 3), entrant("b", 0.0, 2, shift=7)
    comparison = compare_entrants([a, b], allow_unpaired=True)
    [pair] = comparison.pairs
    assert pair.difference.estimand == comparison.intervals[0].estimand == "method"
    assert {"unpaired", "few_seeds"} <= set(pair.difference.flags)
    widths = [interval_of(e.results, "closed", 0.95).half_width for e in (a, b)]
    paired = compare_entrants([a, entrant("b", 0.0, 2)]).pairs[0]
    assert pair.difference.half_width > min(widths)
    assert pair.difference.half_width > paired.difference.half_width
    assert pair.mde80 > pair.difference.half_width
    for others in ([a, entrant("c", 0.0)], [a, b, entrant("c", 0.0, shift=9)]):
        with pytest.raises(StatisticsError, match="c has one training seed"):
            compare_entrants(others, allow_unpaired=True)


def test_head_and_foot_of_an_unpaired_table_agree(tmp_path):
    for name, seed in itertools.product("ab", range(3)):
        result = fake(name, 0.0, seed, shift=500 * (name == "b"))
        write_result(result, tmp_path / name / f"seed-{seed}")
    out = fsbench("compare", "--allow-unpaired", tmp_path / "a", tmp_path / "b")[0]
    assert "95% method interval" in out
    assert "trained again with other seeds (method)" in out


def test_a_longer_list_is_cut_to_the_common_prefix():
    long, short = entrant("a", 0.1, episodes=T), entrant("b", 0.0, episodes=150)
    comparison = compare_entrants([long, short])
    assert comparison.episodes == 150
    means = dict(zip(comparison.names, comparison.intervals, strict=True))
    assert means["a"].mean == pytest.approx(long.results[0].accuracy[:150].mean())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": {"fingerprint": "g"}}, "data fingerprints are f and g"),
        ({"protocol": {"id": "test/20-way"}}, "protocols are test/5-way and test/20-way"),
        (
            {"protocol": {"sampler": sampler(seed=3)}},
            "episode seeds are 0 and 3",
        ),
        (
            {"protocol": {"sampler": sampler("disjoint")}},
            "samplers are uniform and disjoint",
        ),
        ({"shift": 7}, "at other places|no episode is common"),
    ],
)
def test_unmatched_episodes_are_refused_with_the_reason(changes, message):
    others = [entrant("a", 0.1), entrant("b", 0.0, **changes)]
    with pytest.raises(UnpairedError, match=message):
        compare_entrants(others)
    [pair] = compare_entrants(others, allow_unpaired=True).pairs
    assert "unpaired" in pair.difference.flags


def test_results_of_one_method_get_distinct_names():
    comparison = compare_entrants([entrant("a", 0.1), entrant("b", 0.0), entrant("a", -0.1)])
    assert sorted(comparison.names) == ["a #1", "a #2", "b"]
    other = entrant("a", 0.0, config={"backbone": "conv4-64"})
    comparison = compare_entrants([entrant("a", 0.1), other])
    assert sorted(comparison.names) == ["a conv4-32", "a conv4-64"]


def test_the_seeds_of_a_configuration_are_one_entrant(tmp_path):
    for seed in range(3):
        write_result(fake("a", 0.1, seed), tmp_path / "a" / f"seed-{seed}")
    assert len(load_entrant(tmp_path / "a").results) == 3
    for seed in range(2):
        other = fake("a", 0.1, seed, config={"pretrain": {"steps": 7}})
        write_result(other, tmp_path / "a" / f"other-{seed}")
    entrants = load_entrants(tmp_path / "a")
    assert sorted(len(entrant.results) for entrant in entrants) == [2, 3]
    names = sorted(entrant.name for entrant in with_distinct_names(entrants))
    assert names == ["a pretrain.steps=7", "a pretrain.steps=unset"]
    with pytest.raises(ResultError, match=r"holds no result.json"):
        load_entrants(tmp_path / "nothing")


def load_entrant(path):
    [entrant] = load_entrants(path)
    return entrant


def measured(folder, seed=0, episodes=T, **changes):
    """A result of one model, written the way ``fsbench evaluate`` names its folders."""
    config = {"evaluate": changes.pop("evaluate", {})}
    result = fake("a", 0.1, seed, episodes, config=config, **changes)
    write_result(result, folder / result.document.result_id[:12])
    return result


def test_of_results_of_one_model_the_longest_counts(tmp_path):
    measured(tmp_path)
    measured(tmp_path, evaluate={"interval": "open_images"})
    long = measured(tmp_path, episodes=T + 50, evaluate={"level": 0.9})
    [result] = load_entrant(tmp_path).results
    assert result.document.result_id == long.document.result_id
    assert len(result.accuracy) == T + 50
    measured(tmp_path, seed=1)
    both = load_entrant(tmp_path).results
    assert [len(result.accuracy) for result in both] == [T, T]
    assert both[0].document.result_id == long.document.result_id
    assert interval_of(both, "closed", 0.95).estimand == "method"


def test_results_of_one_seed_that_truly_differ_are_refused(tmp_path):
    measured(tmp_path / "a")
    measured(tmp_path / "a", model=1, evaluate={"level": 0.9})
    with pytest.raises(ResultError, match="training seed 0 with different trained parameters"):
        load_entrant(tmp_path / "a")
    measured(tmp_path / "b")
    measured(tmp_path / "b", shift=7)
    with pytest.raises(ResultError, match="training seed 0 with different episode lists"):
        load_entrant(tmp_path / "b")


def test_the_command_prints_tables_and_json(tmp_path):
    for name, skill in (("a", 0.1), ("b", 0.0)):
        write_result(fake(name, skill), tmp_path / name)
    out = fsbench("compare", tmp_path / "a", tmp_path / "b")[0]
    assert "rank set" in out
    assert "a - b" in out
    out = fsbench("compare", "--level", 0.995, tmp_path / "a", tmp_path / "b")[0]
    assert "99.5% closed interval" in out
    document = json.loads(fsbench("compare", tmp_path / "a", tmp_path / "b", "--json")[0])
    assert [method["rank_set"] for method in document["methods"]] == [[1, 1], [2, 2]]
    assert document["pairs"][0]["p_holm"] < 0.05
    write_result(fake("c", 0.0, shift=10_000), tmp_path / "c")
    assert "share no leading episode" in fails("compare", tmp_path / "a", tmp_path / "c")
