"""Backbones of other libraries and feature files through commands and API: the same numbers."""

import json

import numpy as np
import pytest
from PIL import Image

import fewshot_bench as fsb
from fewshot_bench.evaluation.result import read_result
from tests.cli.common import fails, fsbench
from tests.given import random_network, saved
from tests.tiny import SIZE

SHAPE = ("--n-way", 3, "--n-query", 4, "--episodes", 120)
CLASSIFIERS = ("nearest-mean", "cosine", "logistic-regression", "ridge")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("w") / "r18.pth", random_network(1), "module.")


@pytest.fixture
def named(weights):
    return ("--backbone", "torchvision:resnet18", "--weights", weights, "--input-size", 32)


@pytest.fixture(scope="module")
def hard(tmp_path_factory):
    """Test classes that nothing tells apart for certain."""
    root, random = tmp_path_factory.mktemp("hard"), np.random.Generator(np.random.Philox(5))
    for split, n_classes in {"train": 3, "test": 4}.items():
        for c in range(n_classes):
            folder = root / split / f"{split}{c}"
            folder.mkdir(parents=True)
            pattern = random.integers(96, 160, (SIZE, SIZE, 3))
            for i in range(8):
                noisy = pattern + random.integers(-120, 120, pattern.shape)
                Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
    return root


@pytest.fixture
def on(hard):
    return ("--benchmark", f"folder:{hard}", "--image-size", SIZE)


def evaluate(folder, classifier, *more):
    fsbench(
        *("evaluate", "-m", "simpleshot[l2n]", "--set", f"options.classifier={classifier}"),
        *(*SHAPE, *more, "--out", folder, "--quiet"),
    )
    return read_result(folder)


def test_four_classifiers_on_images_on_features_and_from_python_agree(
    named, on, weights, hard, tmp_path
):
    out, _ = fsbench("embed", *named, *on, "--out", tmp_path / "f.npz")
    assert out.splitlines()[0].endswith("56 features of length 512 by torchvision:resnet18")
    assert "external data: not told (r18.pth)" in out
    data = fsb.load(f"folder:{hard}", image_size=SIZE)
    features = fsb.embed(
        "torchvision:resnet18", data, weights=weights, input_size=32
    )  # the same as the file
    correct = set()
    for classifier in CLASSIFIERS:
        by_images = evaluate(tmp_path / f"{classifier}-i", classifier, *named, *on)
        by_file = evaluate(
            tmp_path / f"{classifier}-f", classifier, "--benchmark", f"features:{tmp_path}/f.npz"
        )
        by_python = fsb.evaluate(
            "simpleshot[l2n]",
            features.test,
            settings={
                "options": {"classifier": classifier},
                "task": {"n_way": 3, "n_query": 4},
                "evaluate": {"episodes": 120},
            },
        )
        by_part = fsb.evaluate(
            None,
            features.test,
            **{"classifier": classifier, "transform": "l2n"},
            **{"n_way": 3, "n_query": 4, "episodes": 120},
        )
        for other in (by_file, by_python, by_part):
            np.testing.assert_array_equal(other.columns["pred"], by_images.columns["pred"])
            assert other.document.dataset.fingerprint == by_images.document.dataset.fingerprint
        one, two = by_images.document.checkpoint, by_file.document.checkpoint
        assert one.trained_on == two.trained_on == "not told (r18.pth)"
        assert one.n_params == two.n_params == 11_176_512
        assert one.sha256 == two.sha256
        assert by_python.document.checkpoint.sha256 == one.sha256
        correct.add(by_images.columns["n_correct"].tobytes())
    assert len(correct) > 1  # the classifiers are not one and the same


def test_a_result_says_what_it_learned_from(named, on, tmp_path):
    told = evaluate(tmp_path / "a", "cosine", *named, *on, "--trained-on", "a million flowers")
    document = told.document
    assert document.checkpoint.external_data
    assert document.learned_words == "external data: a million flowers"
    assert document.checkpoint.weights == "r18.pth"
    assert "r18.pth" not in json.dumps(
        document.method.config.table()
    )  # a path is nobody's business
    assert document.dataset.preprocessing["network_input"] == "32x32, bilinear"
    assert document.dataset.preprocessing["mean"] == [0.485, 0.456, 0.406]
    out, _ = fsbench(
        *("evaluate", "-m", "protonet", *on, *SHAPE, "--backbone", "conv4-32"),
        *("--set", "train.steps=2", "--set", "train.val_every=2", "--set", "train.val_episodes=2"),
        *("--out", tmp_path / "b"),
    )
    assert "apart" not in out
    out, _ = fsbench("compare", tmp_path / "a", tmp_path / "b")
    assert "external data: a million flowers" in out
    assert "ranked apart" in out
    rows = json.loads(fsbench("compare", tmp_path / "a", tmp_path / "b", "--json")[0])["methods"]
    assert [row["rank_set"] for row in rows] == [[1, 1], [1, 1]]


def test_other_weights_are_another_configuration(named, on, weights, tmp_path):
    evaluate(tmp_path / "a", "cosine", *named, *on)
    other = saved(tmp_path / "r18.pth", random_network(2))  # a file of the same name
    rest = ("--backbone", "torchvision:resnet18", "--input-size", 32, "--weights", other)
    second = evaluate(tmp_path / "b", "cosine", *rest, *on)
    first = read_result(tmp_path / "a").document
    assert first.method.config_sha256 != second.document.method.config_sha256
    assert first.checkpoint.sha256 != second.document.checkpoint.sha256
    assert "another result" in fails(
        *("evaluate", "-m", "simpleshot[l2n]", "--set", "options.classifier=cosine", *SHAPE),
        *(*rest, *on, "--out", tmp_path / "a"),
    )


def test_weights_can_be_trained_on_in_a_stage_or_by_episodes(named, on, weights, tmp_path):
    steps = ("--set", "stages.classify.steps=1", "--set", "stages.classify.batch=8")
    steps += ("--set", "stages.classify.val_every=1", "--set", "stages.classify.val_episodes=2")
    tuned = evaluate(tmp_path / "a", "cosine", *named, *on, *steps)
    frozen = evaluate(tmp_path / "b", "cosine", *named, *on)
    assert tuned.document.checkpoint.n_params > 11_176_512  # running statistics are stored, too
    assert [stage.name for stage in tuned.document.checkpoint.stages] == ["classify"]
    assert tuned.document.learned == frozen.document.learned == "external"
    assert (tuned.columns["pred"] != frozen.columns["pred"]).any()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--backbone", "conv4-32", "--weights", "x.pth"), "weights goes with a backbone torchvis"),
        (
            ("--backbone", "torchvision:resnet18", "--weights", "x.pth"),
            "weights x.pth do not exist",
        ),
        (("--backbone", "torchvision:resnet81", "--weights", "x.pth"), "did you mean resnet18"),
        (("--backbone", "features"), "do not go together"),
    ],
)
def test_mistakes_are_one_line(on, words, what):
    assert what in fails("evaluate", "-m", "simpleshot", *on, *words)


def test_mistakes_of_embed_are_one_line(on, tmp_path):
    out = ("--out", tmp_path / "f.npz")
    plain = ("--backbone", "torchvision:resnet18")
    assert "has no weights to embed with" in fails("embed", *plain, *on, *out)
    assert "feature files end in" in fails("embed", *plain, *on, "--out", tmp_path / "f.csv")
    assert "has no images" in fails(
        "evaluate", "--benchmark", f"features:{tmp_path}/f.npz", "--image-size", 32
    )
    assert "f.npz does not exist" in fails("evaluate", "-b", f"features:{tmp_path}/f.npz")
