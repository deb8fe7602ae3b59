"""Several processes that share a training end where one does."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from fewshot_bench.errors import ConfigError
from fewshot_bench.launch.ranks import _without_devices, in_processes
from fewshot_bench.training.checkpoint import load_checkpoint
from fewshot_bench.world import World, current, expected, in_turns

ROOT = Path(__file__).parents[2]
# Batch statistics; running averages, gathered from all; a backbone that is pre-trained in shares.
METHODS = ("maml", "protonet", "simpleshot")


def environment(cache, **more):
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"FSBENCH_CACHE": str(cache), "PYTHONPATH": paths} | more


def tiny_trainings(folder, cache, ranks, methods=METHODS):
    """Train methods in so many processes; models and test accuracies by name."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    common = {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    command = [sys.executable, "-m", "tests.launch.train_tiny", str(folder), "12", *methods]
    processes = [
        subprocess.Popen(
            command,
            env=environment(cache, **common, RANK=str(rank), WORLD_SIZE=str(ranks)),
            cwd=ROOT,
        )
        for rank in range(ranks)
    ]
    assert [process.wait(240) for process in processes] == [0] * ranks
    found = {}
    for path in Path(cache, "runs").rglob("model.safetensors"):
        name = next(m for m in methods if path.parent.name.startswith(m))
        found[name] = load_checkpoint(path).params, (path.parent / "accuracy").read_text()
    assert found.keys() == set(methods)
    return found


def test_processes_that_share_trainings_end_where_one_ends(tiny_folder, tmp_path):
    alone = tiny_trainings(tiny_folder, tmp_path / "alone", 1, (*METHODS, "npbml"))
    shared = tiny_trainings(tiny_folder, tmp_path / "shared", 2)
    for name in ("maml", "protonet"):  # whose gradients are summed in the order of the episodes
        (params, accuracies), (others, shares) = alone[name], shared[name]
        assert all(torch.equal(value, others[key]) for key, value in params.items()), name
        assert shares == accuracies
    # Statistics of shares of a batch are those of the batch, up to rounding.
    for key, value in alone["simpleshot"][0].items():
        torch.testing.assert_close(shared["simpleshot"][0][key], value, rtol=1e-5, atol=1e-5)
    # From the same pre-trained backbone, NPBML ends in the same parameters, too.
    for path in Path(tmp_path, "alone", "stages").rglob("classify-*/model.safetensors"):
        target = tmp_path / "npbml" / path.relative_to(tmp_path / "alone")
        target.parent.mkdir(parents=True)
        shutil.copy(path, target)
    [(params, accuracies)] = tiny_trainings(tiny_folder, tmp_path / "npbml", 2, ["npbml"]).values()
    assert all(torch.equal(value, params[key]) for key, value in alone["npbml"][0].items())
    assert accuracies == alone["npbml"][1]


def command(folder, *more):
    words = ["train", "-m", "protonet", "-b", f"folder:{folder}", "--backbone", "conv4-32"]
    shape = ["--image-size", "16", "--n-way", "3", "--n-query", "4"]
    steps = ["--set", "train.steps=400", "--set", "train.val_every=200"]
    steps += ["--set", "train.meta_batch=2"]
    return [sys.executable, "-m", "fewshot_bench", *words, *shape, *steps, *more]


def test_a_killed_process_ends_all_and_the_same_command_goes_on(tiny_folder, tmp_path):
    cache = tmp_path / "cache"
    typed = command(tiny_folder, "--devices", "cpu:2")
    env = environment(cache, OMP_NUM_THREADS="1")
    started = subprocess.Popen(typed, env=env, stderr=subprocess.PIPE, text=True)
    while not (logs := list(cache.rglob("log.jsonl"))) or len(logs[0].read_text()) < 500:
        assert started.poll() is None
        time.sleep(0.05)
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
    os.kill(int(children[1]), signal.SIGKILL)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 1
    assert "process 1 of 2 was ended by signal 9; the same command goes on" in said
    assert said.count("fsbench: ") == 1
    subprocess.run(typed, env=env, check=True, timeout=240, capture_output=True)
    unbroken = environment(tmp_path / "unbroken", OMP_NUM_THREADS="1")
    subprocess.run(typed, env=unbroken, check=True, timeout=240, capture_output=True)
    models = [next(c.rglob("runs/**/model.safetensors")) for c in (cache, tmp_path / "unbroken")]
    first, second = (load_checkpoint(path).params for path in models)
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_fewer_episodes_than_processes_are_refused_in_one_line(tiny_folder, tmp_path):
    typed = command(tiny_folder, "--devices", "cpu:2", "--set", "train.meta_batch=1")
    env = environment(tmp_path, OMP_NUM_THREADS="1")
    done = subprocess.run(typed, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 2
    assert "train.meta_batch = 1 is less than the 2 processes that share a step" in done.stderr
    assert done.stderr.count("fsbench: ") == 1


def test_alone_nothing_changes(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert current() == expected() == World()
    value = torch.tensor([2.0])
    assert World().add(value) is value
    assert World().gathered(3) == [3]
    assert list(range(5))[World(1, 2).share] == [1, 3]
    assert in_turns([[0, 2], [1]]) == [0, 1, 2]


def test_the_option_is_a_number_of_devices():
    assert in_processes(None) is None
    assert in_processes("cpu:1") is None
    for wrong in ("0", "two", "gpu:2", "cpu:"):
        with pytest.raises(ConfigError, match="--devices is a number"):
            in_processes(wrong)
    assert _without_devices(["train", "--devices", "2", "-m", "maml"]) == ["train", "-m", "maml"]
    assert _without_devices(["train", "--devices=2"]) == ["train"]
