"""Result files: canonical bytes, and no alteration that goes unnoticed."""

import json

import numpy as np
import pytest

from fewshot_bench.errors import DataError, ResultError
from fewshot_bench.evaluation.arrays import columns_sha256, pack
from fewshot_bench.evaluation.identity import configuration, differing
from fewshot_bench.evaluation.result import (
    EPISODES,
    RESULT,
    make_result,
    read_result,
    write_result,
)
from tests.evaluation.documents import document
from tests.leaderboard.synthetic import forged, synthetic

COLUMNS = {
    "n_correct": np.array([3, 4], dtype=np.uint16),
    "n_query": np.array([5, 5], dtype=np.uint16),
    "pred": np.zeros((2, 5, 1), dtype=np.uint8),
    "class_ids": np.zeros((2, 5), dtype=np.int32),
    "support_ids": np.zeros((2, 5, 1), dtype=np.int32),
    "query_ids": np.zeros((2, 5, 1), dtype=np.int32),
    "episode_hash": np.arange(2, dtype=np.uint64),
    "episode_index": np.arange(2, dtype=np.uint32),
    "nll": np.zeros(2),
    "brier": np.zeros(2),
}


def facts(**changes):
    return document(protocol={"T": 2, "query": 1}, **changes)


def test_round_trip(tmp_path):
    result = make_result(facts(), COLUMNS)
    write_result(result, tmp_path / "r")
    again = read_result(tmp_path / "r")
    assert again.document == result.document
    assert again.accuracy.tolist() == [0.6, 0.8]
    assert all(np.array_equal(again.columns[name], COLUMNS[name]) for name in COLUMNS)


def test_the_same_columns_are_the_same_bytes():
    assert pack(COLUMNS) == pack(dict(reversed(COLUMNS.items())))


def test_identity_ignores_times_and_sees_the_rest():
    base = make_result(facts(), COLUMNS).document.result_id
    slow, named = facts(timing={"total_s": 9.0}), facts(method={"id": "y"})
    assert base == make_result(slow, COLUMNS).document.result_id
    assert base != make_result(named, COLUMNS).document.result_id
    other = {**COLUMNS, "n_correct": np.array([3, 5], dtype=np.uint16)}
    assert base != make_result(facts(), other).document.result_id
    assert columns_sha256(COLUMNS) != columns_sha256({**COLUMNS, "n_query": np.array([5, 5])})


def test_alterations_damage_and_newer_schemas_are_named(tmp_path):
    folder = tmp_path / "r"
    with pytest.raises(DataError, match="does not exist"):
        read_result(folder)
    write_result(make_result(facts(), COLUMNS), folder)
    other = {**COLUMNS, "n_correct": np.array([5, 5], dtype=np.uint16)}
    (folder / EPISODES).write_bytes(pack(other))
    with pytest.raises(ResultError, match=r"not what result\.json was written for"):
        read_result(folder)
    (folder / EPISODES).write_bytes(pack(COLUMNS)[:40])
    with pytest.raises(ResultError, match="missing or damaged"):
        read_result(folder)
    (folder / RESULT).write_text(json.dumps({"schema_version": 99}))
    with pytest.raises(ResultError, match="newer"):
        read_result(folder)
    (folder / RESULT).write_text("[1, 2]")
    with pytest.raises(ResultError, match="not a result"):
        read_result(folder)
    (folder / RESULT).write_text("{")
    with pytest.raises(DataError, match="can't be read"):
        read_result(folder)


def test_other_code_is_another_configuration():
    mine = synthetic("mine", 0.1, 0, 40)
    edited = forged(mine, lambda info, columns: info["method"].update(code_sha256="a" * 64))
    documents = [edited.document, mine.document]
    assert configuration(mine.document) == configuration(synthetic("mine", 0.1, 1, 40).document)
    assert configuration(edited.document) != configuration(mine.document)
    mine_code = mine.document.method.code_sha256
    assert differing(documents) == [{"code": f'"{"a" * 64}"'}, {"code": f'"{mine_code}"'}]


def test_the_same_measurement_by_another_version_takes_the_place_of_the_first(tmp_path):
    result = synthetic(episodes=50)
    write_result(result, tmp_path)
    later = forged(result, lambda table, _: table.update(env={"os": "another"}))
    assert later.document.result_id != result.document.result_id
    write_result(later, tmp_path)
    assert read_result(tmp_path).document.env == {"os": "another"}
    with pytest.raises(ResultError, match="holds another result"):
        write_result(synthetic(episodes=50, seed=1), tmp_path)
