"""The activation bank: the numbers of recomputation, made once, never those of something else."""

import dataclasses
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from fewshot_bench.data.transforms import Normalise
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.predict import predict
from fewshot_bench.files import cache_folder
from fewshot_bench.interface.observer import Quiet
from fewshot_bench.training.bank import ACTIVATIONS, Demand, banked
from fewshot_bench.training.run import prepare_run, train
from tests.tiny import tiny_config
from tests.training.test_stages import Watcher

METHOD = "npbml[init+opt]"
MANY = 1000  # episodes for which a bank pays


def open_run(folder, bank="auto", method=METHOD):
    return prepare_run(tiny_config(folder, method), "cpu", bank=bank)


def make_params(run, seed=0):
    return run.method.init(torch.Generator().manual_seed(seed))


def made(run, params, observer=None, episodes=MANY, split="test"):
    """Method and loader for episodes of one split."""
    demand = Demand(run.loader(split, run.test_task, 0), episodes)
    method, [loader] = banked(run, params, [demand], observer or Quiet())
    return method, loader


def agree(values, expected):
    """To the rounding of single precision."""
    return (values - expected).norm() < 1e-6 * expected.norm()


def files():
    return sorted(cache_folder().rglob(ACTIVATIONS))


def test_the_bank_holds_what_the_trunk_says_of_each_image(tiny_folder):
    run = open_run(tiny_folder)
    params = make_params(run)
    _, loader = made(run, params)
    pool = run.store.split("test")
    images = Normalise(pool.mean, pool.std)(torch.from_numpy(pool.images))
    expected = images.double()
    exact = {name: value.double() for name, value in params.items()}
    for stage in run.method.embedding.stages[:3]:
        expected = torch.cat([stage(exact, x[None], None) for x in expected])
    values = torch.from_numpy(loader.pool.features)
    assert values.dtype == torch.float32
    assert agree(values, expected)


def test_episodes_and_predictions_are_those_without_it(tiny_folder):
    run = open_run(tiny_folder)
    params = make_params(run)
    loader = run.loader("test", run.test_task, 0)
    method, short = made(run, params)
    ours, theirs = short.load(3, 2), loader.load(3, 2)
    assert np.array_equal(ours.ids.query_ids, theirs.ids.query_ids)
    assert torch.equal(ours.query_labels, theirs.query_labels)
    assert ours.query.shape[2:] == (32, 2, 2)
    for one, other in zip(
        predict(method, params, short, 0, 20),
        predict(run.method, params, loader, 0, 20),
        strict=False,
    ):
        n = min(len(one), len(other))
        assert np.array_equal(one.pred[:n], other.pred[:n])
        np.testing.assert_allclose(one.nll[:n], other.nll[:n], rtol=1e-5)


def test_a_training_gives_the_same_model_in_the_same_folder_without_it(
    tiny_folder, tmp_path, monkeypatch
):
    models, folders = [], []
    for bank in ("auto", "off"):
        monkeypatch.setenv("FSBENCH_CACHE", str(tmp_path / bank))
        run = open_run(tiny_folder, bank)
        watcher = Watcher()
        models.append(train(run, watcher))
        folders.append(run.folder.name)
        said = [name for name, *_ in watcher.seen if name.startswith("activations")]
        names = ["activations of train images", "activations of val images"]
        assert said == (names if bank == "auto" else [])
        assert len(files()) == len(said)
    assert folders[0] == folders[1]
    for name, value in models[0].params.items():
        torch.testing.assert_close(value, models[1].params[name], rtol=1e-3, atol=1e-4, msg=name)


def test_what_is_there_is_found_by_whoever_has_the_same_trunk(tiny_folder):
    run = open_run(tiny_folder)
    params = make_params(run)
    made(run, params)
    [file] = files()
    other = open_run(tiny_folder, method="npbml[loss-inductive]")
    fresh = other.method.init(torch.Generator().manual_seed(1))
    watcher = Watcher()
    # For one episode, too: it is there.
    method, loader = made(other, fresh | other.method.trunk().params_of(params), watcher, 1)
    assert files() == [file]
    assert watcher.seen == []
    assert method.passed == 3
    assert loader.item_shape == (32, 2, 2)


@pytest.mark.parametrize("change", ["weights", "statistics", "classes", "normalisation", "split"])
def test_another_trunk_or_other_images_have_a_bank_of_their_own(tiny_folder, change):
    run = open_run(tiny_folder)
    params = make_params(run)
    made(run, params)
    if change == "weights":
        params["backbone.block3.conv.weight"][0, 0, 0, 0] += 1e-3
    elif change == "statistics":
        params["backbone.block1.norm.running_mean"] += 1e-3
    elif change == "split":
        made(run, params, split="val")
    else:
        manifest = run.store.manifest
        classes = manifest.classes
        names = dict(zip(reversed(classes["test"]), classes["test"].values(), strict=True))
        changes = {
            "classes": {"classes": {**classes, "test": names}},
            "normalisation": {"mean": (0.1, 0.2, 0.3)},
        }
        manifest = dataclasses.replace(manifest, **changes[change])
        run = dataclasses.replace(run, store=dataclasses.replace(run.store, manifest=manifest))
    made(run, params)
    assert len(files()) == 2


def test_what_is_not_read_by_the_trunk_does_not_matter(tiny_folder):
    run = open_run(tiny_folder)
    params = make_params(run)
    made(run, params)
    params["backbone.block4.conv.weight"] += 1.0
    made(run, params)
    assert len(files()) == 1


@pytest.mark.parametrize(
    ("method", "bank", "episodes"),
    [(METHOD, "off", MANY), (METHOD, "auto", 1), ("maml", "auto", MANY)],
)
def test_without_trunk_wish_or_use_all_stays_as_it_is(tiny_folder, method, bank, episodes):
    run = open_run(tiny_folder, bank, method)
    same, loader = made(run, make_params(run), episodes=episodes)
    assert same is run.method
    assert loader.item_shape == (3, 16, 16)
    assert files() == []


def test_an_unknown_mode_is_refused(tiny_folder):
    with pytest.raises(ConfigError, match="--bank is one of auto, off, not 'on'"):
        open_run(tiny_folder, "on")


SCRIPT = """
import os, sys, time
from pathlib import Path
import torch
from fewshot_bench.data import array_file
from tests.training import test_bank as t
array_file.SAVE_SECONDS = -1

class Slow(t.Quiet):
    def begin(self, what, steps, per_step):
        print("begin", flush=True)
    def step(self, step, per_step, loss):
        time.sleep(float(sys.argv[2]))

children = []
for _ in range(int(sys.argv[3])):
    child = os.fork()
    if not child:
        run = t.open_run(Path(sys.argv[1]))
        t.made(run, t.make_params(run), Slow())
        os._exit(0)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def started(folder, sleep, processes):
    words = [sys.executable, "-c", SCRIPT, str(folder), str(sleep), str(processes)]
    env = {**os.environ, "FSBENCH_CACHE": str(cache_folder())}
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env=env, start_new_session=True
    )


def test_three_processes_make_one_bank(tiny_folder):
    process = started(tiny_folder, 0.3, 3)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert out == "begin\n"
    names = sorted(path.name for path in files()[0].parent.iterdir())
    assert names == [ACTIVATIONS, f"{ACTIVATIONS}.blocks"]


def test_what_a_killed_process_has_made_is_not_lost(tiny_folder):
    process = started(tiny_folder, 600, 1)
    end = time.monotonic() + 60
    while not (marks := list(cache_folder().rglob("*.rows"))) and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert files() == []
    assert int(marks[0].read_text()) == 32
    run, watcher = open_run(tiny_folder), Watcher()
    _, loader = made(run, make_params(run), watcher)
    assert watcher.seen == [["activations of test images", 63]]
    values = torch.from_numpy(loader.pool.features)
    images = run.loader("test", run.test_task, 0).gather(torch.arange(63)[None])[0]
    assert agree(values, run.method.trunk()(make_params(run), images))
