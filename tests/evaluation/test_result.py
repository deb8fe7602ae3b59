"""Result files: canonical bytes, and no alteration that goes unnoticed."""

import json

import numpy as np
import pytest

from fewshot_bench.errors import DataError, ResultError
from fewshot_bench.evaluation.result import (
    EPISODES,
    RESULT,
    columns_sha256,
    configuration,
    differing,
    make_result,
    pack,
    read_result,
    result_id,
    write_result,
)
from tests.leaderboard.synthetic import synthetic

COLUMNS = {
    "n_correct": np.array([3, 4], dtype=np.uint16),
    "n_query": np.array([5, 5], dtype=np.uint16),
    "pred": np.zeros((2, 5, 1), dtype=np.uint8),
}
INFO = {"method": {"id": "x"}, "timing": {"total_s": 1.0}, "summary": {"accuracy": 0.7}}


def test_round_trip(tmp_path):
    result = make_result(INFO, COLUMNS)
    write_result(result, tmp_path / "r")
    again = read_result(tmp_path / "r")
    assert again.info == result.info
    assert again.accuracy.tolist() == [0.6, 0.8]
    assert all(np.array_equal(again.columns[name], COLUMNS[name]) for name in COLUMNS)


def test_the_same_columns_are_the_same_bytes():
    assert pack(COLUMNS) == pack(dict(reversed(COLUMNS.items())))


def test_identity_ignores_times_and_sees_the_rest():
    base = result_id(make_result(INFO, COLUMNS).info)
    assert base == result_id(make_result({**INFO, "timing": {"total_s": 9.0}}, COLUMNS).info)
    assert base != result_id(make_result({**INFO, "method": {"id": "y"}}, COLUMNS).info)
    other = {**COLUMNS, "n_correct": np.array([3, 5], dtype=np.uint16)}
    assert base != result_id(make_result(INFO, other).info)
    assert columns_sha256(COLUMNS) != columns_sha256({**COLUMNS, "n_query": np.array([5, 5])})


def test_alterations_damage_and_newer_schemas_are_named(tmp_path):
    folder = tmp_path / "r"
    with pytest.raises(DataError, match="does not exist"):
        read_result(folder)
    write_result(make_result(INFO, COLUMNS), folder)
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
    info = synthetic("mine", 0.1, 0, 40).info
    edited = {**info, "method": {**info["method"], "code_sha256": "a" * 64}}
    assert configuration(info) == configuration(synthetic("mine", 0.1, 1, 40).info)
    assert configuration(edited) != configuration(info)
    assert differing([edited, info]) == [{"code": f'"{"a" * 64}"'}, {"code": "unset"}]
