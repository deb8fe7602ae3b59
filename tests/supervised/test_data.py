"""Splits that leak nothing: disjoint, stratified, scaled by what is trained on."""

import sys

import numpy as np
import pytest
import sklearn.datasets
import torch
from PIL import Image

from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.supervised.catalogue import load_data
from fewshot_bench.supervised.data import SHARES, split_parts
from tests.tiny import CLASSES, PER_CLASS, SIZE


@pytest.mark.parametrize("strata", [None, np.repeat(np.arange(4), (50, 25, 7, 18))])
def test_every_example_is_in_exactly_one_part(strata):
    parts = split_parts(100, strata)
    assert torch.equal(torch.cat(list(parts.values())).sort().values, torch.arange(100))
    for name, share in SHARES.items():
        assert len(parts[name]) == pytest.approx(100 * share, abs=2)


def test_each_class_is_split_in_the_same_shares():
    strata = np.tile([0, 0, 0, 1], 25)
    for name, ids in split_parts(100, strata).items():
        assert (strata[ids] == 1).sum() == pytest.approx(25 * SHARES[name], abs=0.5)


def test_splits_never_change():
    assert split_parts(12)["test"].tolist() == [7, 8]
    assert not torch.equal(split_parts(100)["test"], torch.arange(80, 100))


@pytest.mark.parametrize(
    ("name", "task", "shape", "outputs"),
    [
        ("diabetes", "regression", (10,), 1),
        ("digits", "classification", (1, 8, 8), 10),
        ("breast-cancer", "classification", (30,), 2),
        ("wine", "classification", (13,), 3),
    ],
)
def test_bundled_data(name, task, shape, outputs):
    data = load_data(name)
    assert (data.task, data.input_shape, data.n_outputs) == (task, shape, outputs)
    x, y = data.train.inputs, data.train.targets
    dims = (0, *range(2, x.ndim))
    torch.testing.assert_close(x.mean(dim=dims), torch.zeros(shape[0]), rtol=0, atol=1e-5)
    torch.testing.assert_close(x.std(dim=dims, correction=0), torch.ones(shape[0]))
    if task == "regression":
        assert y.shape == (len(data.train), 1)
        torch.testing.assert_close(y.square().mean(), torch.tensor(1.0))
        assert not torch.isclose(data.test.targets.square().mean(), torch.tensor(1.0), atol=1e-3)
    else:
        for part in (data.train, data.val, data.test):
            assert part.targets.unique().tolist() == list(range(outputs))
    rows = [set(map(bytes, p.inputs.numpy())) for p in (data.train, data.val, data.test)]
    assert not rows[0] & rows[2]
    assert not rows[1] & rows[2]


def test_test_examples_do_not_reach_the_scaling(monkeypatch):
    before = load_data("wine")
    loaded = sklearn.datasets.load_wine()
    loaded.data[split_parts(len(loaded.target), loaded.target)["test"]] *= 100
    monkeypatch.setattr(sklearn.datasets, "load_wine", lambda: loaded)
    after = load_data("wine")
    assert torch.equal(after.train.inputs, before.train.inputs)
    assert not torch.equal(after.test.inputs, before.test.inputs)


def test_training_classes_of_a_benchmark_are_a_task(tiny_folder):
    data = load_data(f"folder:{tiny_folder}", SIZE)
    assert data.n_outputs == CLASSES["train"]
    assert data.input_shape == (3, SIZE, SIZE)
    sizes = [len(part) for part in (data.train, data.val, data.test)]
    assert sum(sizes) == CLASSES["train"] * PER_CLASS
    assert all(part.targets.unique().numel() == data.n_outputs for part in (data.train, data.test))
    x, _ = data.train.batch(torch.arange(len(data.train)))
    assert x.dtype == torch.float32
    torch.testing.assert_close(x.mean(dim=(0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(x.std(dim=(0, 2, 3), correction=0), torch.ones(3), atol=1e-4, rtol=0)
    few = load_data(f"folder:{tiny_folder}", SIZE, max_classes=3)
    assert few.n_outputs == 3
    assert few.test.targets.max() == 2


def test_the_fingerprint_follows_the_data(tiny_folder, monkeypatch):
    before = load_data("wine").fingerprint
    assert load_data("wine").fingerprint == before
    assert load_data(f"folder:{tiny_folder}", SIZE).fingerprint not in (before, "")
    loaded = sklearn.datasets.load_wine()
    loaded.data[0] += 1
    monkeypatch.setattr(sklearn.datasets, "load_wine", lambda: loaded)
    assert load_data("wine").fingerprint != before


@pytest.mark.parametrize(("per_class", "part"), [(2, "test"), (3, "val")])
def test_classes_of_a_few_images_are_refused(per_class, part, tmp_path):
    for split in ("train", "val", "test"):
        for image in range(2 * per_class):
            place = tmp_path / split / f"{split}{image % 2}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((SIZE, SIZE), image, np.uint8)).save(place / f"{image}.png")
    with pytest.raises(DataError, match=f"no examples for the {part} part; .* at least 4 each"):
        load_data(f"folder:{tmp_path}", SIZE)


def test_mistakes_are_named(monkeypatch):
    with pytest.raises(ConfigError, match="for image benchmarks, not for wine"):
        load_data("wine", max_classes=2)
    with pytest.raises(ConfigError, match="unknown data set 'digit'; known: diabetes, "):
        load_data("digit")
    monkeypatch.setattr(sklearn.datasets, "fetch_california_housing", absent)
    with pytest.raises(DataError, match="fetch_california_housing"):
        load_data("california")
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ConfigError, match=r"digits comes with scikit-learn: pip install"):
        load_data("digits")


def absent(download_if_missing):
    assert not download_if_missing
    raise OSError("Data not found")
