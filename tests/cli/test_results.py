"""Stored results: kept from being replaced, and asked again for intervals and classes."""

import json

import numpy as np
import pytest

from fewshot_bench.errors import ResultError
from fewshot_bench.evaluation.compare import compare_entrants
from fewshot_bench.evaluation.entrants import load_entrants
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.result import read_result, write_result
from fewshot_bench.leaderboard.measured import read_stored
from tests.cli.common import fails, fsbench
from tests.leaderboard.synthetic import forged, synthetic


def test_intervals_follow_from_stored_predictions(tmp_path):
    result = synthetic(episodes=700)
    result.save(tmp_path / "one")
    out = fsbench("results", "interval", tmp_path / "one", "--interval", "open_images")[0]
    expected = result.interval("open_images")
    assert expected.half_width > result.interval().half_width
    assert f"{100 * expected.low:.2f} to {100 * expected.high:.2f}" in out
    assert "other images of the same 20 classes" in out
    [row] = json.loads(
        fsbench("results", "interval", tmp_path / "one", "--level", 0.9, "--json")[0]
    )
    assert (row["low"], row["high"]) == (
        result.interval(level=0.9).low,
        result.interval(level=0.9).high,
    )
    assert "there is no interval 'wide'" in fails(
        "results", "interval", tmp_path / "one", "--interval", "wide"
    )


def test_seeds_in_one_folder_are_one_method(tmp_path):
    results = [synthetic(seed=seed, episodes=100, seeds=[0, 1, 2]) for seed in range(3)]
    for seed, result in enumerate(results):
        result.save(tmp_path / f"seed-{seed}")
    [row] = json.loads(fsbench("results", "interval", tmp_path, "--json")[0])
    assert row["estimand"] == "method"
    assert row["half_width"] == interval_of(results, "closed", 0.95).half_width


def test_accuracy_of_each_class_as_json(tmp_path):
    result = synthetic(episodes=100)
    result.save(tmp_path)
    rows = json.loads(fsbench("results", "show", tmp_path, "--per-class", "--json")[0])
    assert [row["class"] for row in rows] == [f"test{i}" for i in range(20)]
    ids, pred = result.columns["class_ids"], result.columns["pred"]
    right = (pred == np.arange(5)[None, :, None]).mean(axis=2)
    assert rows[3]["accuracy"] == pytest.approx(right[ids == 3].mean())
    assert rows[3]["episodes"] == (ids == 3).sum()
    assert "test3" in fsbench("results", "show", tmp_path, "--per-class")[0]


def test_a_result_is_not_replaced_by_another(tmp_path):
    mine, other = synthetic(episodes=50), synthetic(episodes=60)
    mine.save(tmp_path)
    mine.save(tmp_path)
    with pytest.raises(ResultError, match=r"another result.*--overwrite"):
        other.save(tmp_path)
    assert read_result(tmp_path).document.result_id == mine.document.result_id
    other.save(tmp_path, overwrite=True)
    assert read_result(tmp_path).document.result_id == other.document.result_id


def test_other_classes_of_the_same_images_are_not_paired(tmp_path):
    for name in ("cifar-fs", "fc100"):
        synthetic(episodes=100, benchmark=name, classes=name).save(tmp_path / name)
    said = fails("compare", tmp_path / "cifar-fs", tmp_path / "fc100")
    assert "their classes are the test classes of cifar-fs (" in said
    assert "test classes of fc100 (" in said


def test_rows_of_two_splits_of_one_store_have_pools_of_their_own(tmp_path):
    from fewshot_bench.leaderboard.build import build_leaderboard

    for number, word in enumerate("ab"):
        for method in ("protonet", "maml"):
            result = synthetic(method, 0.1 * number, episodes=650, classes=word)
            write_result(result, tmp_path / word / method)
    pools = build_leaderboard(read_stored(tmp_path), []).pools
    assert sorted(len(pool.rows) for pool in pools) == [2, 2]
    assert len({pool.id for pool in pools}) == 2


def test_comparisons_are_tables(tmp_path):
    for name, skill in (("protonet", 0.1), ("maml", 0.0)):
        synthetic(name, skill, episodes=100).save(tmp_path / name)
    comparison = compare_entrants(load_entrants(tmp_path / "protonet", tmp_path / "maml"))
    methods, pairs = comparison.to_pandas(), comparison.pairs_to_pandas()
    assert methods["name"].tolist() == ["protonet", "maml"]
    assert pairs.loc[0, "mean"] == pytest.approx(methods["mean"].diff().iloc[1] * -1)
    assert comparison.to_markdown().startswith("| method ")
    assert r"\toprule" in comparison.to_latex()


def test_what_a_model_knew_besides_shows_on_its_row(tmp_path):
    def knowing(info, columns):
        info["checkpoint"].update(external_data=True, trained_on="photographs of the web")
        info["method"].update(told_counts=True)

    write_result(forged(synthetic(episodes=650), knowing), tmp_path)
    from fewshot_bench.leaderboard.build import build_leaderboard

    [row] = build_leaderboard(read_stored(tmp_path), []).rows().values()
    assert {"external_data", "told_counts"} <= set(row.flags)
