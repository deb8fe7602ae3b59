"""Processes of this machine: what is killed is done again, and signals end all of them."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from fewshot_bench.launch.job import Job, Place
from fewshot_bench.launch.local import LocalEngine
from tests.cli.common import fsbench
from tests.launch.chaos import COMMAND, Chaos, descendants, under_fire
from tests.launch.common import SETTINGS, contents, sweep_file
from tests.tiny import tiny_config

linux = pytest.mark.skipif(not Path("/proc").is_dir(), reason="workers are found in /proc")
LONG = {**SETTINGS, "train": {**SETTINGS["train"], "steps": 100_000, "val_every": 100_000}}
SMALL = {"methods": ["protonet"], "shots": [1], "seeds": [0, 1], "grid": None}


@linux
def test_kills_of_workers_and_driver_lose_nothing(tiny_folder, tmp_path, monkeypatch):
    settings = {**SETTINGS, "train": {**SETTINGS["train"], "steps": 60}}
    file = sweep_file(tmp_path / "a.toml", tiny_folder, **SMALL, settings=settings, retries=1)
    chaos = Chaos(seed=3, kills=3, pause=0.5)
    under_fire(file, tmp_path / "broken", tmp_path / "cache", chaos)
    assert sum(chaos.victims.values()) == 3
    monkeypatch.setenv("FSBENCH_CACHE", str(tmp_path / "other"))
    fsbench("sweep", file, "--out", tmp_path / "whole", "--jobs", 1)
    assert len(contents(tmp_path / "whole")) == 2
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


@linux
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_workers_and_their_state_is_on_disk(tiny_folder, tmp_path, number, code):
    file = sweep_file(tmp_path / "a.toml", tiny_folder, **SMALL, settings=LONG)
    words = [*COMMAND, str(file), "--out", str(tmp_path / "out"), "--jobs", "2"]
    env = {**os.environ, "FSBENCH_CACHE": str(tmp_path / "cache")}
    driver = subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True)
    while len(list((tmp_path / "cache").rglob("runs/*/*/log.jsonl"))) < 2:
        assert driver.poll() is None
        time.sleep(0.1)
    workers = descendants(driver.pid)
    assert len(workers) == 2
    driver.send_signal(number)
    _, err = driver.communicate()
    assert driver.returncode == code, err
    assert "fsbench: stopped; the same command goes on from there" in err
    assert "Traceback" not in err
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    assert len(list((tmp_path / "cache").rglob("state.safetensors"))) == 2
    assert not [p for p in tmp_path.rglob(".*") if p.suffix in (".lock", ".holder")]


def test_a_killed_process_is_told_from_a_failed_one(tiny_folder, tmp_path):
    config = tiny_config(tiny_folder, steps=100_000, val_every=100_000)
    place = Place(str(Path.cwd()), str(tmp_path / "cache"), str(tmp_path / "logs"), device="cpu")
    engine = LocalEngine(place, 1)
    impossible = {**config.table(), "options": {"no": 1}}
    engine.start([Job("a", "cell", "a", config.table(), folder=str(tmp_path / "out" / "a"))])
    engine.start([Job("b", "cell", "b", impossible, folder=str(tmp_path / "out" / "b"))])
    [failed] = wait_for(engine)
    assert (failed.id, failed.lost) == ("b", False)
    assert failed.error.startswith("protonet has no option 'no'")
    [process] = [one.process for one in engine._running]
    process.kill()
    [killed] = wait_for(engine)
    assert (killed.id, killed.lost) == ("a", True)
    assert killed.error.startswith("its process was ended by signal 9")
    engine.stop()


def test_jobs_compute_with_the_threads_of_their_place_and_print_into_their_logs(
    tiny_folder, tmp_path
):
    plugin = tmp_path / "tell.py"
    plugin.write_text("import torch\nprint('threads', torch.get_num_threads())\n")
    place = Place(
        cwd=str(Path.cwd()),
        cache=str(tmp_path / "cache"),
        logs=str(tmp_path / "logs"),
        plugins=(str(plugin),),
        device="cpu",
        threads=3,
    )
    job = Job("a", "cell", "a", tiny_config(tiny_folder).table(), folder=str(tmp_path / "out"))
    engine = LocalEngine(place, 1)
    engine.start([job])
    [outcome] = wait_for(engine)
    assert outcome.error == ""
    assert "threads 3" in place.log(job).read_text()


def wait_for(engine):
    while True:
        if outcomes := engine.ended(1.0):
            return outcomes
