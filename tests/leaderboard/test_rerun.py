"""The verdict on a row that was run again: equal predictions, or a difference that chance makes."""

import numpy as np
import pytest
from scipy import stats

from fewshot_bench.errors import ConfigError, DataError, ResultError
from fewshot_bench.leaderboard.build import build_leaderboard
from fewshot_bench.leaderboard.measured import Stored, row_id
from fewshot_bench.leaderboard.rerun import (
    Again,
    config_again,
    cut,
    find_row,
    judge_rerun,
    read_reruns,
    remember_rerun,
    verdict_on,
)
from fewshot_bench.leaderboard.tables.columns import flags
from tests.leaderboard.forgeries import copied, document, fitted, noisy
from tests.leaderboard.synthetic import forged, synthetic


@pytest.fixture(scope="module")
def row():
    return [synthetic(seed=seed, seeds=[0, 1, 2], episodes=600) for seed in range(3)]


def elsewhere(result, share=0.0):
    """The same weights on another machine, where a share of the predictions is another."""

    def change(info, columns):
        info["env"]["torch"] = "2.7.0"
        columns["pred"] = noisy(columns["pred"], share)
        fitted(info, columns)

    return forged(result, change)


def anew(result, seed):
    """Another model of the same method; ``seed`` makes it."""
    other = synthetic(seed=seed, episodes=600, skill=0.0)
    return forged(other, document("checkpoint", training_seed=0))


def pairs(row, measured):
    return [cut(one, other.first(100)) for one, other in zip(row, measured, strict=True)]


def test_the_same_weights_on_the_same_machine_give_the_same_predictions(row):
    verdict = judge_rerun("m-1", pairs(row, row))
    assert (verdict.verdict, verdict.weights, verdict.equal) == ("agrees", "stored", 1)
    assert (verdict.difference, verdict.margin, verdict.episodes) == (0, 0, 100)
    assert verdict.words.startswith("agrees: stored weights, 100 episodes, 100.00 %")

    def one(info, columns):
        columns["pred"][5, 0, 0] = (columns["pred"][5, 0, 0] + 1) % 5
        fitted(info, columns)

    changed = [forged(row[0], one), *row[1:]]
    assert judge_rerun("m-1", pairs(row, changed)).verdict == "contradicted"


@pytest.mark.parametrize(("share", "verdict"), [(0.001, "agrees"), (0.2, "contradicted")])
def test_on_another_machine_rounding_may_change_a_few(row, share, verdict):
    found = judge_rerun("m-1", pairs(row, [elsewhere(result, share) for result in row]))
    assert found.verdict == verdict
    assert found.weights == "stored"
    assert found.equal == pytest.approx(1 - 0.8 * share, abs=0.02)


def test_models_that_were_trained_anew_may_differ_as_trainings_do(row):
    fresh = [anew(result, 10 + seed) for seed, result in enumerate(row)]
    made = pairs(row, fresh)
    found = judge_rerun("m-1", made)
    assert (found.weights, found.verdict) == ("anew", "agrees")
    differences = np.mean([p.measured.accuracy - p.stored.accuracy for p in made], axis=0)
    spread = np.std([p.stored.accuracy.mean() for p in made], ddof=1)
    variance = differences.var(ddof=1) / 100 + 2 * spread**2 / 3
    margin = stats.t.ppf(0.9995, 2) * np.sqrt(variance)
    assert found.margin == pytest.approx(margin, abs=1e-6)
    assert found.difference == pytest.approx(differences.mean(), abs=1e-6)


def test_a_made_up_accuracy_is_contradicted_by_a_training_anew():
    better = [synthetic(seed=0, skill=0.2, episodes=600)]
    found = judge_rerun("m-1", pairs(better, [anew(better[0], 10)]))
    assert (found.verdict, found.weights) == ("contradicted", "anew")
    assert found.words.startswith("contradicts: trained anew")


def test_other_episodes_are_not_compared(row):
    other = synthetic(episodes=600, fingerprint="e" * 64)
    with pytest.raises(ResultError, match="episodes are others"):
        cut(row[0], other)


def test_the_configuration_is_the_stored_one_for_fewer_episodes(row):
    config = config_again(row[1].document, 50)
    assert (config.evaluate.episodes, config.train.seed, config.method) == (50, 1, "protonet")
    assert config_again(row[1].document, 5000).evaluate.episodes == 600

    def foreign(info, columns):
        info["method"]["config"]["train"] = None
        info["checkpoint"]["stages"] = []

    with pytest.raises(ConfigError, match="was not trained by this suite"):
        config_again(forged(row[0], foreign).document, 50)


def test_rows_are_found_by_their_id_or_that_of_a_result(row):
    stored = Stored({row_id(row[0]): tuple(row)}, {}, ())
    assert find_row(stored, row_id(row[0])) == tuple(row)
    assert find_row(stored, row[2].document.result_id[:8]) == tuple(row)
    with pytest.raises(ConfigError, match="no row or result 'zzz'"):
        find_row(stored, "zzz")


def test_verdicts_stand_beside_the_results_and_mark_their_row(tmp_path, row):
    name = row_id(row[0])
    assert read_reruns(tmp_path) == {}
    remember_rerun(tmp_path, judge_rerun("m-2", pairs(row, row)))
    for measured in (row, [elsewhere(result, 0.3) for result in row]):
        verdict = judge_rerun(name, pairs(row, measured))
        remember_rerun(tmp_path, verdict)
        assert read_reruns(tmp_path)[name] == verdict
    reruns = read_reruns(tmp_path)
    assert set(reruns) == {name, "m-2"}
    assert verdict_on(row, reruns) == "contradicted"
    assert verdict_on([*row, synthetic(seed=4, episodes=600)], reruns) == ""
    stored = Stored({name: tuple(row)}, {}, ())
    [marked] = build_leaderboard(stored, [], {}, reruns).rows().values()
    assert marked.rerun == "contradicted"
    assert flags(marked).endswith("contradicted by a rerun")


def test_a_row_that_can_not_be_told_from_another_is_marked(row):
    twins = [
        forged(synthetic("maml", seed=seed, episodes=600, options={"bn": "support"}),
               copied(row[seed]))
        for seed in range(3)
    ]  # fmt: skip
    stored = Stored({"a": tuple(row), "b": tuple(twins)}, {}, ())
    rows = build_leaderboard(stored, []).rows()
    assert (rows["a"].like, rows["b"].like) == ("maml", "protonet")
    assert "can't be told from maml" in flags(rows["a"])


@pytest.mark.parametrize("text", ["row,verdict\n", None])
def test_a_damaged_table_is_named(tmp_path, row, text):
    remember_rerun(tmp_path, judge_rerun("m-1", [Again(row[0], row[0])]))
    path = tmp_path / "reruns.csv"
    path.write_text(text or path.read_text().replace("agrees", "maybe"))
    with pytest.raises(DataError, match=r"reruns\.csv"):
        read_reruns(tmp_path)
