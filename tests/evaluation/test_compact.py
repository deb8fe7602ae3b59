"""What is left out of a result file is found again, bit by bit; old files stay readable."""

import json
from pathlib import Path

import numpy as np
import pytest

from fewshot_bench.data.episodes import Task
from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers.base import make_sampler
from fewshot_bench.data.samplers.disjoint import DisjointSampler
from fewshot_bench.data.samplers.uniform import UniformSampler
from fewshot_bench.errors import ResultError
from fewshot_bench.evaluation.arrays import pack, read_columns
from fewshot_bench.evaluation.classes import class_hashes, shared_classes
from fewshot_bench.evaluation.columns import episode_columns
from fewshot_bench.evaluation.compact import compact, list_sha256, redraw, restore
from fewshot_bench.evaluation.identity import result_id
from fewshot_bench.evaluation.result import (
    EPISODES,
    RESULT,
    Result,
    read_result,
    write_result,
)
from fewshot_bench.files import dump_json
from tests.evaluation.documents import document
from tests.evaluation.documents import sampler as drawn_by
from tests.leaderboard.synthetic import forged, synthetic

DERIVED = ("episode_index", "episode_hash", "class_ids", "support_ids", "query_ids")

SCHEMA_1 = Path(__file__).parent / "schema-1"


@pytest.mark.parametrize(
    ("mode", "make"), [("replacement", UniformSampler), ("disjoint", DisjointSampler)]
)
def test_episodes_drawn_again_are_those_of_the_loader(mode, make):
    sizes = [21, 30, 17, 24, 40, 18]
    pool = Pool("test", tuple("abcdef"), np.array(sizes), "f" * 64)
    ids = make(pool, Task(3, 1, 4), 7)(0, 6)
    described = document(
        dataset={"pool_sizes": sizes},
        protocol={"way": 3, "query": 4, "sampler": drawn_by(mode, 7)},
    )
    drawn = redraw(described, 6)
    assert np.array_equal(drawn["support_ids"], ids.support_ids.reshape(6, 3, 1))
    assert np.array_equal(drawn["query_ids"], ids.query_ids.reshape(6, 3, 4))
    assert np.array_equal(drawn["class_ids"], ids.class_ids)


@pytest.mark.parametrize(
    ("mode", "options", "shape"),
    [
        ("dirichlet", {"alpha": 3}, {"way": 3, "shot": 1, "query": 4}),
        ("varied", {"min_way": 2, "max_way": 4}, {"way": None, "shot": None, "query": None}),
    ],
)
def test_unequal_episodes_are_drawn_again_from_their_parameters(mode, options, shape):
    sizes = [21, 30, 17, 24, 40, 18]
    pool = Pool("test", tuple("abcdef"), np.array(sizes), "f" * 64)
    sampler = make_sampler(mode, pool, Task(3, 1, 4), 7, options)
    expected = episode_columns([sampler(t, 1) for t in range(6)], sampler)
    drawing = drawn_by(mode, 7, **sampler.options)
    described = document(dataset={"pool_sizes": sizes}, protocol={**shape, "sampler": drawing})
    drawn = redraw(described, 6)
    assert drawn.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(drawn[name], values, err_msg=name)
    pred = np.zeros(len(drawn["query_ids"]), np.uint8)
    counts = np.bincount(drawn["query_labels"], minlength=6)
    columns = {**drawn, "pred": pred, "n_query": np.full(6, len(pred) // 6), "n_correct": counts}
    measured = {"episode_list_sha256": list_sha256(drawn["episode_hash"])}
    described = document(
        dataset={"pool_sizes": sizes}, protocol={**shape, "sampler": drawing, **measured}
    )
    _, kept = compact(described, columns)
    assert set(kept) == {"pred", "n_query", "n_correct"}
    for name, values in restore(described, kept).items():
        np.testing.assert_array_equal(columns[name], values, err_msg=name)


def test_files_keep_predictions_only_and_reading_finds_the_rest(tmp_path):
    result = synthetic(episodes=120)
    write_result(result, tmp_path)
    assert not set(DERIVED) & set(read_columns(tmp_path / EPISODES))
    again = read_result(tmp_path)
    assert again.document == result.document
    assert result_id(again.document.table()) == result.document.result_id
    for name, values in result.columns.items():
        assert np.array_equal(again.columns[name], values), name
        assert again.columns[name].dtype == values.dtype


def test_a_thousand_omniglot_episodes_fit_into_100_kb(tmp_path):
    options = {"benchmark": "omniglot", "sizes": [20] * 1692, "query": 15}
    for name, skill in (("good", 0.35), ("bad", -0.2)):
        write_result(synthetic(skill=skill, **options), tmp_path / name)
        size = sum(file.stat().st_size for file in (tmp_path / name).iterdir())
        assert size < 100_000


def test_episodes_drawn_in_another_way_are_stored_whole(tmp_path):
    result = synthetic(episodes=50)
    own = {**result.columns, "support_ids": result.columns["support_ids"] + 1}
    write_result(forged(result, lambda info, columns: columns.update(own)), tmp_path)
    assert set(DERIVED) <= set(read_columns(tmp_path / EPISODES))
    assert np.array_equal(read_result(tmp_path).columns["support_ids"], own["support_ids"])


def rewrite(folder, change):
    """Alter the stored document and give it the identity that fits."""
    document = json.loads((folder / RESULT).read_text())
    change(document)
    (folder / RESULT).write_bytes(dump_json(document))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d["dataset"].update(fingerprint="e" * 64), "not those that were measured"),
        (lambda d: d["protocol"]["sampler"].update(seed=1), "not those that were measured"),
        (lambda d: d["protocol"]["sampler"].update(version=9), "sampler that is not known"),
        (lambda d: d["protocol"]["sampler"].update(mode="mine"), "drawn again"),
        (lambda d: d["dataset"].update(pool_runs=[[40, 10**9]]), "too many classes"),
        (lambda d: d["dataset"].update(pool_runs=[[10**9, 20]]), "drawn again"),
        (lambda d: d["dataset"].update(pool_runs=[[4, 20]]), "drawn again"),
        (lambda d: d["dataset"].update(pool_runs="x"), "dataset: .*pool_runs"),
        (lambda d: d.pop("protocol"), "protocol: Field required"),
        (lambda d: d["checkpoint"].update(training_seed=5), "altered"),
    ],
)  # fmt: skip
def test_alterations_are_found_when_reading(tmp_path, change, reason):
    write_result(synthetic(episodes=50), tmp_path)
    rewrite(tmp_path, change)
    with pytest.raises(ResultError, match=reason) as caught:
        read_result(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_archives_that_unpack_to_too_much_are_refused(tmp_path, monkeypatch):
    write_result(synthetic(episodes=50), tmp_path)
    monkeypatch.setattr("fewshot_bench.evaluation.arrays.LARGEST_FILE", 100)
    with pytest.raises(ResultError, match="larger than any result"):
        read_result(tmp_path)


def test_schema_1_stays_readable_and_can_be_stored_compactly(tmp_path):
    old = read_result(SCHEMA_1)
    assert old.document.schema_version == 1
    assert old.accuracy.mean() == old.document.summary.accuracy
    assert old.columns["query_ids"].shape == (40, 3, 4)
    write_result(old, tmp_path)
    assert (tmp_path / EPISODES).stat().st_size < (SCHEMA_1 / EPISODES).stat().st_size
    again = read_result(tmp_path)
    assert again.document == old.document
    assert pack(again.columns) == pack(old.columns)


def test_class_lists_are_compared_by_hash():
    a, b = class_hashes(["cat", "dog"]), class_hashes(["bird", "dog", "fish"])
    assert (len(a), len(b)) == (16, 24)
    assert shared_classes(a, b) == 1
    assert shared_classes(a, class_hashes(["catdog"])) == 0
    assert shared_classes(a, "") == 0


def test_results_are_immutable_where_they_share_memory():
    original = synthetic(episodes=50).document
    result = Result(original, redraw(original, 50))
    with pytest.raises(ValueError, match="read-only"):
        result.columns["class_ids"][0] = 0
