"""The model of one benchmark on the test classes of another."""

import numpy as np
import pytest

import fewshot_bench as fsb
from fewshot_bench.data.library import open_benchmark
from fewshot_bench.evaluation.result import read_result
from fewshot_bench.leaderboard.build import build_leaderboard
from fewshot_bench.leaderboard.measured import read_stored
from tests.cli.common import fails, fsbench
from tests.tiny import SIZE, make_folder

TRAIN = {"steps": 2, "val_every": 2, "val_episodes": 2}
SHAPE = ("--n-way", 3, "--n-query", 4, "--backbone", "conv4-32")
FAST = (
    *SHAPE,
    "--set",
    "evaluate.episodes=600",
    *(word for k, v in TRAIN.items() for word in ("--set", f"train.{k}={v}")),
)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A second folder, whose class names are others."""
    root = make_folder(tmp_path_factory.mktemp("second") / "birds")
    for folder in list(root.glob("*/*")):
        folder.rename(folder.with_name(f"bird-{folder.name}"))
    return root


def test_the_model_is_that_of_the_benchmark_it_was_trained_on(tiny_folder, other, tmp_path):
    source = f"folder:{tiny_folder}"
    trained, _ = fsbench("train", "-m", "protonet", "-b", source, "--image-size", SIZE, *FAST)
    words = ("--train-on", source, "-b", f"folder:{other}", "--image-size", SIZE)
    out, err = fsbench("evaluate", "-m", "protonet", *words, *FAST, "--out", tmp_path / "x")
    assert "no trained" not in err  # the model is there, whatever it is tested on
    result = read_result(tmp_path / "x")
    stores = [open_benchmark(spec, SIZE).manifest for spec in (source, f"folder:{other}")]
    document = result.document
    assert document.checkpoint.training_fingerprint == stores[0].fingerprint
    assert document.dataset.fingerprint == stores[1].fingerprint
    assert document.dataset.id == "folder:birds"
    assert document.learned_words == f"trained on folder:{tiny_folder.name}"
    assert document.method.config.table()["train_on"] == f"folder:{tiny_folder.name}"
    assert f"trained on folder:{tiny_folder.name}; such results are ranked apart" in out
    by_python = fsb.evaluate(
        "protonet",
        fsb.load(f"folder:{other}", image_size=SIZE).test,
        train_on=source,
        backbone="conv4-32",
        settings={
            "image_size": SIZE,
            "train": TRAIN,
            "task": {"n_way": 3, "n_query": 4},
            "evaluate": {"episodes": 600},
        },
    )
    np.testing.assert_array_equal(by_python.columns["pred"], result.columns["pred"])
    model = trained.splitlines()[-1].removeprefix("model: ")
    by_file = ("evaluate", "--checkpoint", model, *words[2:], "--out", tmp_path / "y")
    assert "trained on" in fsbench(*by_file, "--episodes", 100, "--quiet")[0]


def test_images_of_another_size_are_resized_and_the_record_says_so(other, tmp_path):
    small = ("--train-on", "glyphs", "--benchmark", f"folder:{other}")
    fsbench("evaluate", "-m", "protonet", *small, *FAST, "--out", tmp_path / "x", "--quiet")
    record = read_result(tmp_path / "x").document.dataset.preprocessing
    assert record["resize"].startswith("28x28")  # a folder is read in the size that is needed
    assert record["then_channels"] == "grey by luma"
    assert (record["mean"], record["std"]) == ([0.0], [1.0])


def test_a_board_of_its_own(tiny_folder, other, tmp_path):
    target = ("-b", f"folder:{other}", "--image-size", SIZE)
    source = ("--train-on", f"folder:{tiny_folder}")
    for name, words in {"own": (), "cross": source}.items():
        for method in ("protonet", "matching-net"):
            folder = tmp_path / name / method
            fsbench("evaluate", "-m", method, *words, *target, *FAST, "--out", folder, "--quiet")
    board = build_leaderboard(read_stored(tmp_path), [])
    by_id = {one.id: one for one in board.boards}
    assert list(by_id) == [
        "folder:birds/3-1/inductive",
        "folder:birds/3-1/inductive/cross-domain",
    ]
    for one in by_id.values():
        assert len(one.measured) == 2
        assert {row.rank for row in one.measured} <= {(1, 1), (1, 2), (2, 2)}  # of two, not four
    cross = by_id["folder:birds/3-1/inductive/cross-domain"].measured
    assert {row.trained_on for row in cross} == {f"trained on folder:{tiny_folder.name}"}


def test_mistakes_are_one_line(tiny_folder):
    folder = f"folder:{tiny_folder}"
    assert "did you mean 'omniglot'" in fails("evaluate", "--train-on", "omnniglot", "-b", folder)
    assert "is not prepared" in fails("evaluate", "--train-on", "cub", "-b", folder)
    text = fails("evaluate", "-m", "protonet", "--train-on", folder, "-b", "features:none.npz")
    assert "do not go together" in text or "goes with images" in text
