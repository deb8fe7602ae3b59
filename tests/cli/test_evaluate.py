"""``fsbench evaluate`` and ``train``, from a folder of images to files and back."""

import json
import tomllib
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from fewshot_bench.data.episodes import Task, episode_hashes
from fewshot_bench.data.library import open_benchmark
from fewshot_bench.data.samplers.uniform import UniformSampler
from fewshot_bench.evaluation.result import read_result
from tests.cli.common import fails, fsbench
from tests.tiny import CLASSES, SIZE

FAST = ("--n-way", 3, "--n-query", 4, "--set", "evaluate.episodes=30", "--set", "train.steps=4")
FAST += ("--set", "train.val_every=2", "--set", "train.val_episodes=5", "--backbone", "conv4-32")


@pytest.fixture
def on(tiny_folder):
    return ("--benchmark", f"folder:{tiny_folder}", "--image-size", SIZE, *FAST)


@pytest.mark.parametrize("method", ["protonet", "maml"])
def test_trains_when_nothing_is_trained_and_repeats_to_the_byte(on, method, tmp_path):
    out, err = fsbench("evaluate", "--method", method, *on, "--out", tmp_path / "a")
    assert "no trained" in err
    assert "step 4/4" in err
    assert "accuracy" in out
    assert "30 episodes" in out
    assert "closed" in out
    out, err = fsbench("evaluate", "--method", method, *on, "--out", tmp_path / "b", "--workers", 4)
    assert "no trained" not in err
    one, two = ((tmp_path / d / "episodes.npz").read_bytes() for d in "ab")
    assert one == two


def test_the_result_can_be_checked_by_hand(on, tiny_folder, tmp_path):
    fsbench("evaluate", "--method", "protonet", *on, "--out", tmp_path, "--episode-seed", 3)
    result = read_result(tmp_path)
    columns, document = result.columns, result.document
    split = open_benchmark(f"folder:{tiny_folder}", SIZE).split("test")
    ids = UniformSampler(split, Task(3, 1, 4), seed=3)(0, 30)
    np.testing.assert_array_equal(columns["query_ids"].reshape(30, 12), ids.query_ids)
    np.testing.assert_array_equal(columns["episode_hash"], episode_hashes(split.fingerprint, ids))
    correct = (columns["pred"] == np.arange(3)[:, None]).sum(axis=(1, 2))
    np.testing.assert_array_equal(columns["n_correct"], correct)
    accuracy = columns["n_correct"] / 12
    assert document.summary.accuracy == pytest.approx(accuracy.mean())
    half = 2.0452296421327034 * accuracy.std(ddof=1) / np.sqrt(30)  # t quantile, 29 df
    interval = document.summary.interval
    assert interval.high - interval.low == pytest.approx(2 * half)
    assert document.dataset.fingerprint == split.fingerprint
    assert document.protocol.T == 30
    assert document.checkpoint.selection.split == "val"


def test_a_checkpoint_brings_its_configuration(on, tmp_path):
    trained = fsbench("train", "--method", "maml", *on)[0]
    model = trained.splitlines()[-1].removeprefix("model: ")
    out, err = fsbench("evaluate", "--checkpoint", model, "--episodes", 10, "--out", tmp_path)
    assert "no trained" not in err
    assert out.startswith("maml (transductive_bn)")
    assert json.loads((tmp_path / "result.json").read_text())["protocol"]["way"] == 3


def test_one_episode_gives_no_interval(on, tmp_path):
    out = fsbench("evaluate", "-m", "protonet", *on, "--episodes", 1, "--out", tmp_path)[0]
    assert "one episode gives no interval" in out
    assert read_result(tmp_path).document.summary.interval.low is None


def test_without_out_the_result_gets_a_folder_of_its_own(on, tmp_path):
    out = fsbench("evaluate", "--method", "protonet", *on, cwd=tmp_path)[0]
    folder = tmp_path / out.splitlines()[-1].removeprefix("result: ")
    assert folder.parent.parent.name == "3-way-1-shot"
    assert read_result(folder).document.result_id.startswith(folder.name)


def test_show_config_prints_what_would_run(on, tmp_path):
    out = fsbench("evaluate", "--method", "maml", *on, "--set", "options.lr=0.5", "--show-config")[
        0
    ]
    (tmp_path / "run.toml").write_text(out)
    again = fsbench("evaluate", "--config", tmp_path / "run.toml", "--show-config")[0]
    assert out == again
    assert "lr = 0.5" in out
    shown = fsbench("evaluate", "--config", tmp_path / "run.toml", "--show-config", "--json")[0]
    assert json.loads(shown)["options"] == tomllib.loads(out)["options"]


def test_mistakes_are_one_line_with_exit_code_2(on, tmp_path):
    assert "did you mean 'protonet'" in fails("evaluate", "--method", "protonets", *on)
    assert "did you mean 'omniglot'" in fails("evaluate", "--benchmark", "omnniglot")
    assert "unknown backbone" in fails("evaluate", *on, "--backbone", "vgg")
    assert "need 9 classes, but train has 8" in fails("train", *on, "--n-way", 9)
    assert "need 7 classes, but val has 6" in fails("train", *on, "--n-way", 7)
    assert "fewer than shot + query = 17" in fails("train", *on, "--n-query", 16)
    assert "has no option 'leer'" in fails(
        "train", "--method", "maml", *on, "--set", "options.leer=1"
    )
    assert "unknown setting 'train.stepz'" in fails("train", *on, "--set", "train.stepz=3")
    assert "KEY=VALUE" in fails("train", *on, "--set", "train.steps")
    assert "device 'tpu9'" in fails("train", *on, "--device", "tpu9")
    assert "does not exist" in fails("train", "--config", tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = = 1")
    assert "can't be read as TOML" in fails("train", "--config", tmp_path / "bad.toml")
    assert "mini-imagenet is not prepared: " in fails("evaluate", "--benchmark", "mini-imagenet")
    assert "does not exist" in fails("evaluate", "--checkpoint", tmp_path / "none.safetensors")


def test_a_model_is_measured_as_a_variant_that_trains_alike(on, tmp_path):
    small = ("--set", "stages.classify.steps=1", "--set", "stages.classify.val_episodes=2")
    model = fsbench("train", "--method", "npbml[init]", *on, *small)[0].splitlines()[-1]
    with_model = ("evaluate", "--checkpoint", model.removeprefix("model: "), "--json")
    refined = ("--set", "options.refiner=soft-k-means")
    told = json.loads(fsbench(*with_model, *refined)[0])
    assert (told["method"], told["setting"]) == ("npbml[init]", "transductive")
    assert "has method npbml[init], not npbml[refined]" in fails(
        *with_model, "-m", "npbml[refined]"
    )


def test_checkpoints_of_another_configuration_are_refused(on, tmp_path):
    model = fsbench("train", "--method", "maml", *on)[0].splitlines()[-1].removeprefix("model: ")
    with_model = ("evaluate", "--checkpoint", model)
    assert "has method maml, not protonet" in fails(*with_model, "--method", "protonet")
    assert "has backbone conv4-32" in fails(*with_model, "--backbone", "conv4-48")
    assert "has image shape" in fails(*with_model, "--image-size", 20)
    assert "head.weight is (3, 32), this run needs (4, 32)" in fails(*with_model, "--n-way", 4)
    said = fails(*with_model, "--set", "train.steps=60000")
    assert "trained already: its settings of train stay" in said
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(Path(model).read_bytes()[:-9])
    assert "is damaged" in fails("evaluate", "--checkpoint", damaged)
    torch.save({"evil": 1}, tmp_path / "pickle.pt")
    said = fails("evaluate", "--checkpoint", tmp_path / "pickle.pt")
    assert "is a PyTorch file and no checkpoint of fewshot_bench" in said


def test_a_full_disk_is_told_in_one_line(on, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    fsbench("train", "--method", "protonet", *on)
    assert "can't write" in fails("evaluate", "--method", "protonet", *on, "--out", blocked / "x")


def test_several_seeds_give_an_interval_about_the_method(on, tmp_path):
    out, err = fsbench("evaluate", "-m", "protonet", *on, "--seeds", "0,2", "--out", tmp_path)
    assert "seed 0, 2" in out
    assert "95% method interval" in out
    assert "training again with another seed" in out
    assert err.count("no trained") == 2
    results = [read_result(tmp_path / f"seed-{seed}") for seed in (0, 2)]
    assert [r.document.checkpoint.training_seed for r in results] == [0, 2]
    hashes = [r.columns["episode_hash"] for r in results]
    np.testing.assert_array_equal(hashes[0], hashes[1])


@pytest.mark.parametrize(
    ("kind", "words"), [("open_images", "other images"), ("open_classes", "other classes")]
)
def test_open_intervals_say_what_they_are_about(on, kind, words, tmp_path):
    command = ("evaluate", "-m", "protonet", *on, "--interval", kind, "--out", tmp_path)
    out = fsbench(*command)[0]
    assert f"95% {kind} interval" in out
    assert f"the interval is about {words}" in out
    assert f"99.5% {kind} interval" in fsbench(*command, "--set", "evaluate.level=0.995")[0]


def test_stopping_by_width_takes_as_many_episodes_as_it_needs(on, tmp_path):
    common = ("evaluate", "-m", "protonet", *on)
    width = ("--until-half-width", "0.006", "--episodes", 5000)
    out = fsbench(*common, *width, "--out", tmp_path / "a")[0]
    result = read_result(tmp_path / "a")
    n = len(result.accuracy)
    assert 300 < n < 5000
    assert f"{n} episodes" in out
    z = 1.959963984540054
    assert z * np.sqrt((result.accuracy.var(ddof=1) + 1 / n) / n) <= 0.006
    before = result.accuracy[:-1]
    assert z * np.sqrt((before.var(ddof=1) + 1 / (n - 1)) / (n - 1)) > 0.006
    assert result.document.protocol.stop_rule.fixed_width == 0.006
    out = fsbench(*common, "--until-half-width", "0.003", "--episodes", 101, "--out", tmp_path)[0]
    assert "was not reached" in out


def test_disjoint_episodes_use_each_image_once(on, tmp_path):
    options = ("--sampler", "disjoint", "--set", "evaluate.interval=open_images", "--n-query", 3)
    fixed = [str(word) for word in on]
    fixed.remove("evaluate.episodes=30")
    fixed.remove("--set")
    out = fsbench("evaluate", "-m", "protonet", *fixed, *options, "--out", tmp_path)[0]
    columns = read_result(tmp_path).columns
    images = np.concatenate([columns["support_ids"], columns["query_ids"]], axis=2)
    assert len(np.unique(images)) == images.size
    assert "4 episodes" in out
    assert "open_images interval" in out


def test_seeds_and_intervals_that_make_no_sense_are_refused(on):
    assert "takes different numbers" in fails("evaluate", *on, "--seeds", "0,0")
    assert "takes different numbers" in fails("evaluate", *on, "--seeds", "a")
    assert "takes different numbers" in fails("evaluate", *on, "--seeds", "2-1")
    width = ("--until-half-width", "0.01")
    assert "does not go with" in fails("evaluate", *on, "--seeds", "0,1", *width)
    assert "evaluate.interval" in fails("evaluate", *on, "--interval", "open")
    images, classes = ("--interval", "open_images"), ("--interval", "open_classes")
    assert "does not go with open_images" in fails("evaluate", *on, *images, *width)
    assert "one trained model" in fails("evaluate", *on, *classes, "--seeds", "0,1")
    assert "one episode" in fails("evaluate", *on, *images, "--episodes", 1)


def test_intervals_that_can_not_come_of_it_are_refused_before_training(on):
    new = ("-m", "protonet", "--seed", 77, "--interval", "open_classes")
    on_val = ("--set", "evaluate.split=val", "--n-way", CLASSES["val"])
    with mock.patch("fewshot_bench.cli.measure.obtain_model", side_effect=AssertionError):
        assert "say nothing about other" in fails("evaluate", *on, *new, *on_val)
        seeds = ("--interval", "open_classes", "--seeds", "77,78")
        assert "one trained model" in fails("evaluate", *on, "-m", "protonet", *seeds)
    assert "evaluate.until_half_width" in fails("evaluate", *on, "--until-half-width", "2")


def test_what_can_not_be_tested_or_written_is_refused_before_training(on, tmp_path):
    new, taken = ("-m", "protonet", "--seed", 77), tmp_path / "file"
    taken.write_text("")
    with mock.patch("fewshot_bench.cli.measure.obtain_model", side_effect=AssertionError):
        assert "can't write" in fails("evaluate", *on, *new, "--out", taken)
        assert "shot + query" in fails("evaluate", *on, *new, "--n-query", 9)
        disjoint = ("--sampler", "disjoint", "--episodes", 500)
        assert "disjoint 3-way" in fails("evaluate", *on, *new, *disjoint)
    assert "one of them" in fails("evaluate", *on, *new, "--seeds", "0,1")


def test_queries_of_unequal_classes_are_measured_stored_and_read(on, tmp_path):
    choice = ("--sampler", "dirichlet", "--set", "evaluate.sampler_options.alpha=3")
    asked = ("--interval", "open_images", "--out", tmp_path)
    out, err = fsbench("evaluate", "-m", "protonet", *on, *choice, *asked)
    assert "ragged episodes" in out
    assert "3-way-1-shot-12-queries-dirichlet-3" in out
    assert "7 of 7 classes have fewer than shot + all queries = 13 images" in err
    result = read_result(tmp_path)
    assert result.document.protocol.sampler.options == {"alpha": 3}
    labels = result.columns["query_labels"]
    counts = [tuple(np.bincount(row, minlength=3)) for row in labels.reshape(30, 12)]
    assert len(set(counts)) > 5
    right = (result.columns["pred"] == labels).reshape(30, 12).sum(axis=1)
    np.testing.assert_array_equal(result.columns["n_correct"], right)


def test_episodes_of_varied_shapes_are_measured_stored_and_read(on, tmp_path):
    limits = ("min_way=2", "max_way=5", "max_support=20", "max_query=4")
    sets = [word for limit in limits for word in ("--set", f"evaluate.sampler_options.{limit}")]
    fsbench("evaluate", "-m", "protonet", *on, "--sampler", "varied", *sets, "--out", tmp_path)
    result = read_result(tmp_path)
    columns = result.columns
    assert set(columns["n_way"].tolist()) == {2, 3, 4, 5}
    assert columns["n_query"].tolist() == [4 * way for way in columns["n_way"].tolist()]
    assert len(columns["pred"]) == columns["n_query"].sum()
    assert result.document.protocol.way is None


def test_samplers_are_checked_before_anything_is_trained(on, tmp_path):
    evaluate = ("evaluate", "-m", "protonet", *on)
    assert "known: uniform, disjoint, dirichlet, varied" in fails(*evaluate, "--sampler", "all")
    wrong = ("--set", "evaluate.sampler_options.beta=1")
    assert "no parameter 'beta'" in fails(*evaluate, "--sampler", "dirichlet", *wrong)
    (tmp_path / "old.toml").write_text('[evaluate]\nsampler = "replacement"\n')
    shown = fsbench(*evaluate, "--config", tmp_path / "old.toml", "--show-config")[0]
    assert 'sampler = "uniform"' in shown


def test_another_result_is_never_replaced(on, tmp_path):
    first = ("evaluate", "-m", "protonet", *on, "--out", tmp_path)
    fsbench(*first)
    mine = read_result(tmp_path).document.result_id
    fsbench(*first, "--interval", "open_images", "--set", "evaluate.level=0.9")
    assert read_result(tmp_path).document.result_id == mine
    with mock.patch("fewshot_bench.cli.measure.obtain_model", side_effect=AssertionError):
        assert "holds another result" in fails(*first, "--seed", 5)
        assert "holds another result" in fails(*first, "--episodes", 20)
    fsbench(*first, "--episodes", 20, "--overwrite")
    assert read_result(tmp_path).document.protocol.T == 20
