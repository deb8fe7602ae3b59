"""Models of one's own as results: identity by weights, hidden labels, features, predictions."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import fewshot_bench as fsb
from fewshot_bench.errors import CheckpointError, ConfigError, DataError, StatisticsError
from tests.cli.common import fsbench
from tests.interface.test_data import SPLIT, arrays

SHAPE = {"n_way": 3, "n_shot": 1, "n_query": 4, "episodes": 120}


def net(seed=0, channels=3):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(channels, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
    )


@pytest.fixture(scope="module")
def data():
    return fsb.from_arrays(*arrays(), SPLIT)


def test_other_weights_are_another_result_and_the_same_are_the_same(data):
    one, same, other = (fsb.evaluate(net(s), data.test, name="n", **SHAPE) for s in (0, 0, 1))
    assert one.document.result_id == same.document.result_id
    assert one.document.checkpoint.sha256 != other.document.checkpoint.sha256
    assert one.document.result_id != other.document.result_id
    assert one.document.checkpoint.n_params > 0
    assert not one.document.checkpoint.external_data
    told = fsb.evaluate(net(), data.test, name="n", trained_on="ImageNet-1k", **SHAPE)
    assert told.document.checkpoint.external_data


def test_a_module_is_measured_as_the_formula_says(data):
    model = net().eval()
    result = fsb.evaluate(model, data.test, **SHAPE)
    right = []
    with torch.no_grad():
        for episode in data.test.episodes(3, 1, 4, count=120):
            support, query = model(episode.support), model(episode.query)
            nearest = episode.support_labels[torch.cdist(query, support).argmin(dim=1)]
            right.append((nearest == episode.query_labels).float().mean().item())
    np.testing.assert_allclose(result.accuracy, right, atol=1e-6)


@pytest.mark.parametrize("kind", ["logits", "probabilities", "labels", "numpy"])
def test_a_function_may_answer_in_any_form(data, kind):
    def answer(episode):
        assert episode.query_labels is None
        assert episode.number == 0
        distances = torch.cdist(episode.query.flatten(1), episode.support.flatten(1))
        member = torch.nn.functional.one_hot(episode.support_labels).float()
        logits = -(distances @ member)
        forms = {
            "logits": logits,
            "probabilities": logits.softmax(dim=1),
            "labels": logits.argmax(dim=1),
            "numpy": logits.numpy(),
        }
        return forms[kind]

    def plain(episode):
        distances = torch.cdist(episode.query.flatten(1), episode.support.flatten(1))
        return episode.support_labels[distances.argmin(dim=1)]

    found = fsb.evaluate(answer, data.test, **SHAPE)
    np.testing.assert_array_equal(
        found.columns["pred"], fsb.evaluate(plain, data.test, **SHAPE).columns["pred"]
    )


def test_a_function_of_another_shape_is_refused_in_one_line(data):
    with pytest.raises(ConfigError, match=r"\(12, 3\) logits or probabilities, or 12 whole labels"):
        fsb.evaluate(lambda episode: np.zeros(5), data.test, **SHAPE)
    with pytest.raises(ConfigError, match="no module, method or function"):
        fsb.evaluate(3, data.test, **SHAPE)


def test_results_are_compared_and_those_of_other_episodes_are_not(data, tmp_path):
    one, two = (fsb.evaluate(net(s), data.test, name=f"net-{s}", **SHAPE) for s in (0, 1))
    two.save(tmp_path / "two")
    comparison = fsb.compare(one, tmp_path / "two")
    assert set(comparison.names) == {"net-0", "net-1"}
    assert "\\toprule" in comparison.to_latex()
    other = fsb.from_arrays(*arrays(), {**SPLIT, "c10": "train"})
    three = fsb.evaluate(net(), other.test, name="three", **SHAPE)
    with pytest.raises(StatisticsError, match="different"):
        fsb.compare(one, three)


def test_features_computed_once_give_the_same_predictions(data, tmp_path):
    model = net()
    features = fsb.embed(model, data, tmp_path / "f.npz")
    read = fsb.load(f"features:{tmp_path / 'f.npz'}")
    direct = fsb.evaluate(model, data.test, transform="cl2n", **SHAPE)
    for source in (features, read):
        found = fsb.evaluate(None, source.test, transform="cl2n", **SHAPE)
        np.testing.assert_array_equal(found.columns["pred"], direct.columns["pred"])
        assert found.document.dataset.fingerprint == direct.document.dataset.fingerprint
    assert fsb.compare(direct, fsb.evaluate(None, read.test, name="f", **SHAPE)).episodes == 120


def test_foreign_feature_files(tmp_path):
    random = np.random.default_rng(0)
    labels = np.repeat([f"dog {i}" for i in range(6)], 9)
    values = random.normal(size=(54, 5)) + np.repeat(np.arange(6), 9)[:, None]
    np.savez(tmp_path / "mine.npz", features=values, labels=labels)
    mine = fsb.load(f"features:{tmp_path / 'mine.npz'}")
    assert mine.test.classes == tuple(f"dog {i}" for i in range(6))
    assert fsb.evaluate(None, mine.test, classifier="lda", **SHAPE).accuracy.mean() > 0.5
    np.savez(tmp_path / "bad.npz", features=values[:50], labels=labels)
    np.savez(tmp_path / "less.npz", features=values)
    for name, message in (
        ("bad", "must fit"),
        ("less", "lacks the array 'labels'"),
        ("no", "not exist"),
    ):
        with pytest.raises(DataError, match=message):
            fsb.load(f"features:{tmp_path / name}.npz")


def write_folder(folder, seed, shade):
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for i in range(3):
        pixels = (shade + random.integers(0, 20, (16, 16, 3))).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")


def test_a_support_folder_classifies_images_and_can_be_saved(tmp_path):
    for seed, (name, shade) in enumerate((("s/dark", 10), ("s/light", 200), ("q", 190))):
        write_folder(tmp_path / name, seed, shade)
    model = nn.Flatten()
    options = {"image_size": 16, "classifier": "nearest-mean"}
    classifier = fsb.Classifier.from_support(tmp_path / "s", model, **options)
    table = classifier.predict(tmp_path / "q")
    assert table["class"].tolist() == ["light"] * 3
    np.testing.assert_allclose(table[["dark", "light"]].sum(axis=1), 1, rtol=1e-6)
    classifier.save(tmp_path / "saved")
    again = fsb.Classifier.load(tmp_path / "saved", model, **options)
    assert again.predict(tmp_path / "q").equals(table)
    with pytest.raises(CheckpointError, match="another model"):
        fsb.Classifier.load(tmp_path / "saved", net(), **options)
    with pytest.raises(DataError, match="0 sub-folders"):
        fsb.Classifier.from_support(tmp_path / "q", model, **options)


def test_the_command_predicts_with_a_trained_model(tiny_folder, tmp_path, capsys):
    shades = {"s/dark": 10, "s/mid": 100, "s/light": 200, "q": 190}
    for seed, (name, shade) in enumerate(shades.items()):
        write_folder(tmp_path / name, seed, shade)
    settings = ("train.steps=2", "train.val_every=2", "train.val_episodes=2")
    sets = [word for setting in settings for word in ("--set", setting)]
    where = ("-b", f"folder:{tiny_folder}", "--image-size", 16, "--backbone", "conv4-32")
    out, _ = fsbench("train", "-m", "protonet", *where, "--n-way", 3, "--n-query", 4, *sets)
    model = out.split("model: ")[1].strip()
    words = ("predict", tmp_path / "s", tmp_path / "q", "--checkpoint", model)
    rows = json.loads(fsbench(*words, "--format", "json")[0])
    assert len(rows) == 3
    for row in rows:
        assert set(row) == {"image", "class", "dark", "mid", "light"}
        assert row["dark"] + row["mid"] + row["light"] == pytest.approx(1, abs=1e-5)
    lines = fsbench(*words)[0].splitlines()
    assert [line.split("|")[2].strip() for line in lines[2:]] == [row["class"] for row in rows]
