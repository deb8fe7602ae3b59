"""``fsbench grid``: the results of ``fsbench evaluate``, features once, and no cell lost."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tomli_w
import torch
from torch import nn

import fewshot_bench as fsb
from fewshot_bench.evaluation.features import FeatureBank
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.result import read_result
from fewshot_bench.grids.configured import Configured
from fewshot_bench.grids.picture import picture
from fewshot_bench.methods.classifiers.memory import Neighbours
from fewshot_bench.training.context import Run
from tests.cli.common import fails, fsbench
from tests.tiny import SIZE, tiny_config

METHODS = ("simpleshot", "knn", "laplacian-shot", "pt-map")
CELLS = {(method, seed) for method in METHODS for seed in (0, 1)}


@pytest.fixture
def toml(tiny_folder, tmp_path):
    """Settings of a backbone that is trained in a second."""
    table = tiny_config(tiny_folder, "simpleshot").model_dump(exclude_none=True)
    kept = {k: v for k, v in table.items() if k not in ("method", "options", "evaluate", "train")}
    kept["stages"] = {"classify": kept["stages"]["classify"]}
    file = tmp_path / "linear.toml"
    file.write_text(tomli_w.dumps(kept))
    return file


@pytest.fixture
def ask(toml, tmp_path):
    """The arguments of a small grid."""
    classifiers = ("--classifiers", ",".join(METHODS))
    where = ("--embeddings", toml, "--out", tmp_path / "grid")
    return ("grid", *where, *classifiers, "--seeds", "0-1", "--episodes", 30)


def stored(root):
    """Result files by method and seed."""
    files = (root / "linear").rglob("result.json")
    return {(f.parts[-3], int(f.parts[-2].removeprefix("seed-"))): f for f in files}


@pytest.mark.parametrize("sampler", ["uniform", "dirichlet"])
def test_cells_are_the_results_of_evaluate(ask, toml, tmp_path, sampler):
    fsbench(*ask, "--sampler", sampler)
    cells = stored(tmp_path / "grid")
    assert set(cells) == CELLS
    for method in METHODS:
        same = ("--config", toml, "--method", method, "--episodes", 30, "--sampler", sampler)
        fsbench("evaluate", *same, "--seeds", "0-1", "--out", tmp_path / method)
        for seed in (0, 1):
            one, two = cells[method, seed].parent, tmp_path / method / f"seed-{seed}"
            ids = [read_result(folder).document.result_id for folder in (one, two)]
            assert ids[0] == ids[1]
            assert (one / "episodes.npz").read_bytes() == (two / "episodes.npz").read_bytes()


def test_features_and_their_mean_are_computed_once_for_each_seed(ask):
    banks, means = [], []
    begin, images = FeatureBank.__init__, Run.training_images

    def noted(self, *arguments):
        begin(self, *arguments)
        banks.append(self)

    def counted(run):
        for batch in images(run):
            means.append(len(batch))
            yield batch

    with (
        mock.patch.object(FeatureBank, "__init__", noted),
        mock.patch.object(Run, "training_images", counted),
    ):
        fsbench(*ask, "--n-shot", "1,2")
    tested = [bank for bank in banks if bank._done.any() and bank._loader.pool.name == "test"]
    assert len(tested) == 2
    assert sum(means) == 2 * 8 * 9


def test_what_is_there_is_kept_and_what_is_damaged_is_measured_again(ask, tmp_path):
    first = fsbench(*ask)[0]
    cells = stored(tmp_path / "grid")
    before = {cell: file.read_bytes() for cell, file in cells.items()}
    with mock.patch.object(Configured, "measure", side_effect=AssertionError("measured again")):
        assert fsbench(*ask)[0] == first
    cells["knn", 1].write_bytes(b"{")
    (cells["pt-map", 0].parent / "episodes.npz").unlink()
    measured = []
    whole = Configured.measure

    def noted(self, method, n_shot):
        measured.append((method, self.seed))
        return whole(self, method, n_shot)

    with mock.patch.object(Configured, "measure", noted):
        assert fsbench(*ask)[0] == first
    assert sorted(measured) == [("knn", 1), ("pt-map", 0)]
    untouched = CELLS - set(measured)
    assert all(cells[cell].read_bytes() == before[cell] for cell in untouched)


def test_another_result_in_the_way_is_said_and_stays_unless_overwritten(ask, tmp_path):
    fsbench(*ask)
    file = stored(tmp_path / "grid")["knn", 0]
    before = file.read_bytes()
    more = (*ask[:-1], 40)
    out, err = fsbench(*more, code=1)
    assert err.count("holds another result") == len(CELLS)
    assert file.read_bytes() == before
    fsbench(*more, "--overwrite")
    assert len(read_result(file.parent).accuracy) == 40
    assert out.strip() == ""


KILLED = """
import os, signal, sys
from fewshot_bench.cli import main
from fewshot_bench.grids import fill
write, count = fill.write_result, 0
def dying(result, folder, **options):
    global count
    count += 1
    if count == 4:
        from fewshot_bench.evaluation import result as module
        module.dump_json = lambda table: os.kill(os.getpid(), signal.SIGKILL)
    write(result, folder, **options)
fill.write_result = dying
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_a_killed_grid_loses_nothing(ask, tmp_path):
    command = [sys.executable, "-c", KILLED, *map(str, ask)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    before = {cell: file.read_bytes() for cell, file in stored(tmp_path / "grid").items()}
    assert len(before) == 3  # the fourth has its episodes and no result
    fsbench(*ask)
    cells = stored(tmp_path / "grid")
    assert set(cells) == CELLS
    assert all(cells[cell].read_bytes() == old for cell, old in before.items())


def test_a_cell_that_fails_is_named_and_the_rest_goes_on(ask, tmp_path):
    broken = mock.Mock(side_effect=RuntimeError("no\nsuch matrix"))
    with mock.patch.object(Neighbours, "__call__", broken):
        out, err = fsbench(*ask, code=1)
    lines = [line for line in err.splitlines() if line.startswith("fsbench: failed: ")]
    assert lines == [
        f"fsbench: failed: knn on linear, 1-shot, seed {seed}: no such matrix" for seed in (0, 1)
    ]
    assert set(stored(tmp_path / "grid")) == {cell for cell in CELLS if cell[0] != "knn"}
    assert "knn" not in out


def test_an_embedding_that_fails_does_not_stop_the_others(ask, tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('benchmark = "folder:nowhere"\n')
    both = (*ask[:2], f"{wrong},{ask[2]}", *ask[3:])
    _, err = fsbench(*both, code=1)
    assert "fsbench: failed: wrong, seed 0: nowhere does not exist" in err
    assert set(stored(tmp_path / "grid")) == CELLS


def test_json_and_python_say_what_the_results_say(ask, toml, tmp_path):
    table = json.loads(fsbench(*ask, "--json")[0])
    cells = {cell["method"]: cell for cell in table["cells"]}
    files = stored(tmp_path / "grid")
    for method in METHODS:
        results = [read_result(files[method, seed].parent) for seed in (0, 1)]
        interval = interval_of(results, "closed", 0.95)
        assert cells[method]["interval"]["mean"] == interval.mean
        assert cells[method]["interval"]["high"] == interval.high
        assert cells[method]["seeds"] == [0, 1]
    assert cells["pt-map"]["told_counts"]
    found = fsb.grid([toml], tmp_path / "grid", classifiers=METHODS, seeds=(0, 1), episodes=30)
    assert found.failures == ()
    frame = found.table().set_index("method")
    assert frame.accuracy.to_dict() == {m: c["interval"]["mean"] for m, c in cells.items()}
    assert list(frame.setting) == ["inductive", "inductive", "transductive", "transductive"]


def test_pictures_are_drawn_with_intervals(ask, tmp_path):
    fsbench(*ask, "--plot", tmp_path / "heat.svg")
    assert (tmp_path / "heat.svg").read_text().startswith("<?xml")
    found = fsb.grid(ask[2:3], tmp_path / "grid", classifiers=METHODS, seeds=(0, 1), episodes=30)
    texts = [text.get_text() for text in picture(found).axes[0].texts]
    interval = max((entry.interval for entry in found.entries), key=lambda i: i.mean)
    half = 50 * (interval.high - interval.low)
    assert f"{100 * interval.mean:.1f}\n±{half:.1f}" in texts
    assert len(texts) == len(METHODS)


def test_feature_files_give_the_results_of_evaluate(tiny_folder, tmp_path):
    data = fsb.load(f"folder:{tiny_folder}", image_size=SIZE)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten())
    features = fsb.embed(net, data, tmp_path / "net.npz")
    path = f"features:{tmp_path / 'net.npz'}"
    options = {"n_way": 3, "n_query": 4, "episodes": 30}
    found = fsb.grid({"net": path}, tmp_path / "grid", classifiers=["simpleshot", "svm"], **options)
    assert found.failures == ()
    for entry, parts in zip(
        found.entries,
        ({"transform": "cl2n"}, {"transform": "l2n", "classifier": "svm"}),
        strict=True,
    ):
        [folder] = entry.folders
        same = fsb.evaluate(None, features.test, n_shot=1, **parts, **options)
        np.testing.assert_array_equal(
            read_result(folder).columns["pred"], same.columns["pred"], entry.method
        )
    again = fsb.grid({"net": path}, tmp_path / "grid", classifiers=["simpleshot", "svm"], **options)
    assert again.entries == found.entries


def test_model_files_of_any_training_are_embeddings(toml, tiny_folder, tmp_path):
    for method, seed in (("baseline", 0), ("baseline", 1), ("protonet", 0)):
        table = tiny_config(tiny_folder, method, seed=seed).to_toml()
        (tmp_path / "one.toml").write_text(table)
        out = fsbench("train", "--config", tmp_path / "one.toml")[0]
        model = out.splitlines()[-1].removeprefix("model: ")
        target = tmp_path / method / f"{seed}.safetensors"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(Path(model).read_bytes())
    options = {"classifiers": ["simpleshot"], "episodes": 30, "n_way": 3, "n_query": 4}
    both = {"baseline": tmp_path / "baseline", "protonet": tmp_path / "protonet"}
    found = fsb.grid(both, tmp_path / "grid", **options)
    assert found.failures == ()
    assert [entry.seeds for entry in found.entries] == [(0, 1), (0,)]
    documents = [read_result(entry.folders[0]).document for entry in found.entries]
    assert documents[0].pre_trained
    assert documents[1].checkpoint.weights.startswith("protonet: ")
    assert documents[1].checkpoint.training_class_hashes
    with mock.patch.object(Configured, "measure", side_effect=AssertionError("measured again")):
        assert fsb.grid(both, tmp_path / "grid", **options).entries == found.entries


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--classifiers", "maml"), "maml has a training of its own"),
        (("--classifiers", "simplesot"), "did you mean 'simpleshot'"),
        (("--n-shot", "one"), "--n-shot takes whole numbers"),
        (("--plot", "x.gif"), "no name of a picture"),
        (("--embeddings", "a.toml,b/a.toml"), "two embeddings are called a"),
    ],
)
def test_mistakes_are_one_line(tmp_path, arguments, words):
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    asked = {"--embeddings": "a.toml", "--out": tmp_path / "grid"} | given
    assert words in fails("grid", *(part for pair in asked.items() for part in pair))
    assert not (tmp_path / "grid").exists()


def test_a_grid_is_submitted_and_checked_like_any_results(ask, tmp_path):
    board = tmp_path / "leaderboards"
    few = ("--classifiers", "simpleshot,knn", "--seeds", "0")
    for sampler in ("uniform", "dirichlet"):
        fsbench(*ask[:-1], 600, "--sampler", sampler, *few)
    assert "added: " in fsbench("results", "add", tmp_path / "grid", "--root", board)[0]
    built, _ = fsbench("leaderboard", "build", "--root", board)
    assert built.startswith("4 measured and 0 published rows on 2 boards")
    assert "4 results are valid" in fsbench("leaderboard", "check", "--root", board)[0]
