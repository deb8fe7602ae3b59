"""Feature files of three forms, ours and other people's, and what is said of wrong ones."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch

from fewshot_bench.data.features.files import check_suffix, read_table, write_table
from fewshot_bench.data.features.store import UNKNOWN, open_features
from fewshot_bench.data.features.table import Embedding, FeatureTable
from fewshot_bench.errors import ConfigError, DataError

VALUES = np.arange(24, dtype=np.float32).reshape(8, 3) / 7
LABELS = np.array(["b", "a", "b", "a", "c", "c", "d", "d"])
SPLITS = np.array(["test"] * 4 + ["train"] * 2 + ["val"] * 2)
SUFFIXES = ("npz", "safetensors", "parquet")


@pytest.fixture(params=SUFFIXES)
def suffix(request):
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return request.param


def test_every_form_gives_back_what_was_written(tmp_path, suffix):
    path = tmp_path / f"f.{suffix}"
    origin = {"manifest": {"benchmark": "x"}, "embedding": Embedding("e", "net").table()}
    write_table(path, FeatureTable(VALUES, LABELS, SPLITS, origin))
    table = read_table(path)
    np.testing.assert_array_equal(table.features, VALUES)
    assert table.features.dtype == np.float32
    assert table.labels.tolist() == LABELS.tolist()
    assert table.splits.tolist() == SPLITS.tolist()
    assert table.origin == origin


def test_a_file_without_an_origin_is_a_benchmark_by_itself(tmp_path, suffix):
    path = tmp_path / f"mine.{suffix}"
    write_table(path, FeatureTable(VALUES, LABELS, SPLITS))
    store = open_features(path)
    assert store.splits == ("train", "val", "test")
    assert store.split("test").class_names == ("a", "b")
    np.testing.assert_array_equal(store.split("test").features, VALUES[[1, 3, 0, 2]])
    assert store.manifest.benchmark == "features:mine"
    assert store.embedding.trained_on == UNKNOWN


def test_labels_may_be_places_in_a_list_of_names(tmp_path):
    numbers = np.array([1, 0, 1, 0])
    np.savez(tmp_path / "f.npz", features=VALUES[:4], labels=numbers, class_names=["ant", "bee"])
    assert open_features(tmp_path / "f.npz").split("test").class_names == ("ant", "bee")
    tensors = {"features": torch.from_numpy(VALUES[:4]).half(), "labels": torch.tensor(numbers)}
    names = {"class_names": json.dumps(["ant", "bee"])}
    safetensors.torch.save_file(tensors, tmp_path / "f.safetensors", metadata=names)
    pool = open_features(tmp_path / "f.safetensors").split("test")
    assert pool.class_names == ("ant", "bee")
    assert pool.features.dtype == np.float16
    np.savez(tmp_path / "g.npz", features=VALUES[:4], labels=numbers, class_names=["ant"])
    with pytest.raises(DataError, match="a label is none of the 1 class_names"):
        open_features(tmp_path / "g.npz")


def test_what_is_wrong_with_a_file_is_said_in_a_line(tmp_path):
    def of(name, **arrays):
        np.savez(tmp_path / f"{name}.npz", **arrays)
        return tmp_path / f"{name}.npz"

    plain = {"features": VALUES, "labels": LABELS}
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "text.safetensors").write_text("hello")
    for path, what in (
        (tmp_path / "none.npz", "does not exist"),
        (tmp_path / "text.npz", "is no feature file"),
        (tmp_path / "text.safetensors", "is no feature file"),
        (of("a", features=VALUES), "lacks the array 'labels'"),
        (of("b", **plain, split=SPLITS[:3]), "must fit together"),
        (of("c", **plain, split=np.array(["tset"] * 8)), "train, val or test, not 'tset'"),
        (of("d", **plain, split=np.array(["test", "val"] * 4)), "class 'c' stands in two splits"),
        (of("e", features=VALUES * np.nan, labels=LABELS), "a feature is not finite"),
        (of("f", features=VALUES[:0], labels=LABELS[:0]), "holds no features"),
        (of("g", **plain, origin=np.array("{}")), "its description is not one of"),
    ):
        with pytest.raises(DataError, match=what) as caught:
            open_features(path)
        assert "\n" not in str(caught.value)


def test_a_form_that_can_not_be_written_is_refused_before_the_work(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"feature files end in .npz, .safetensors, .parquet"):
        check_suffix(tmp_path / "f.csv")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ConfigError, match="Parquet needs pyarrow: pip install pyarrow"):
        check_suffix(tmp_path / "f.parquet")
