"""Several processes with one cache: each stage is trained once, whichever process dies."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from fewshot_bench.evaluation.result import read_result
from fewshot_bench.training.fit import STATE
from tests.cli.common import fsbench
from tests.tiny import SIZE, tiny_config
from tests.training.test_meta_train import same
from tests.training.test_stages import Watcher, trained

PROCESSES = 6
SETTINGS = {
    "train.steps": 4,
    "train.val_every": 2,
    "train.val_episodes": 4,
    "evaluate.episodes": 20,
    "stages.classify.steps": 3,
    "stages.classify.batch": 8,
    "stages.classify.val_every": 3,
    "stages.classify.val_episodes": 4,
}
# Forked, because importing torch takes most of a process's time here; each is a user's command.
FORK = """
import os, sys
from fewshot_bench.cli import main
import fewshot_bench.cli.measure
out, words = sys.argv[1], sys.argv[2:]
children = []
for number in range({processes}):
    child = os.fork()
    if not child:
        sys.argv = ["fsbench", *words, "--out", os.path.join(out, str(number))]
        main()
        os._exit(0)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def command(folder):
    words = ["evaluate", "-m", "protonet", "-b", f"folder:{folder}", "--image-size", SIZE]
    words += ["--backbone", "conv4-32", "--n-way", 3, "--n-query", 4, "--seeds", "0,1,2"]
    words += [word for item in SETTINGS.items() for word in ("--set", "=".join(map(str, item)))]
    return list(map(str, words))


def test_six_processes_train_each_stage_once_and_measure_what_one_does(
    tiny_folder, tmp_path, monkeypatch
):
    many = tmp_path / "many"
    code = FORK.format(processes=PROCESSES)
    env = {**os.environ, "FSBENCH_CACHE": str(many)}
    words = [sys.executable, "-c", code, str(tmp_path), *command(tiny_folder)]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "fsbench: waiting for the training in" in done.stderr
    logs = list(many.rglob("log.jsonl"))
    assert len(logs) == 3 + 3  # seeds, each with its pre-training
    for log in logs:
        events = map(json.loads, log.read_text().splitlines())
        steps = [event["step"] for event in events if "loss" in event]
        assert steps == list(range(1, (4 if "runs" in log.parts else 3) + 1))
    assert not [path for path in many.rglob(".*") if path.suffix in (".lock", ".holder")]

    monkeypatch.setenv("FSBENCH_CACHE", str(tmp_path / "one"))
    fsbench(*command(tiny_folder), "--out", tmp_path / "alone")
    for seed in range(3):
        alone = read_result(tmp_path / "alone" / f"seed-{seed}")
        for number in range(PROCESSES):
            place = tmp_path / str(number) / f"seed-{seed}"
            assert read_result(place).document.checkpoint == alone.document.checkpoint
            assert read_result(place).document.training == alone.document.training
            assert alone.columns.keys() == read_result(place).columns.keys()
            for name, values in read_result(place).columns.items():
                np.testing.assert_array_equal(values, alone.columns[name])


SLOW = """
import sys, time, tests.training.test_stages as t, fewshot_bench.training.fit as f
from pathlib import Path
f.SAVE_SECONDS = 0.0
t.Watcher.step = lambda *a: time.sleep(0.2)
t.train(t.prepare_run(t.tiny_config(Path(sys.argv[1]), "protonet", steps=40), "cpu"), t.Watcher())
"""


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_process_leaves_its_state_to_the_one_that_waits(
    tiny_folder, tmp_path, monkeypatch, caplog
):
    cache = tmp_path / "shared"
    env = {**os.environ, "FSBENCH_CACHE": str(cache)}
    holder = subprocess.Popen([sys.executable, "-c", SLOW, str(tiny_folder)], env=env)
    deadline = time.monotonic() + 90
    while not list(cache.rglob(STATE)) and time.monotonic() < deadline:
        time.sleep(0.01)

    def killing(seconds, sleep=time.sleep):
        if holder.poll() is None:  # this process waits for the other one, which dies
            holder.send_signal(signal.SIGKILL)
            holder.wait()
        sleep(seconds)

    monkeypatch.setattr("fewshot_bench.lock.time.sleep", killing)
    watcher = Watcher()
    _, model = trained(tiny_folder, cache, monkeypatch, watcher, "protonet", train=longer())
    assert f"process {holder.pid} on" in caplog.text
    assert "going on with the stopped training" in caplog.text
    assert 1 < watcher.seen[0][1] <= 40
    whole = trained(tiny_folder, tmp_path / "b", monkeypatch, None, "protonet", train=longer())[1]
    assert same(model, whole)


def longer():
    return tiny_config(None, "protonet", steps=40).train
