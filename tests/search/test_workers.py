"""Processes of a search end with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from fewshot_bench.errors import TrainingError
from fewshot_bench.search.workers import worker_map

needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")


def threads(_):
    return torch.get_num_threads()


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_one_job_computes_here_with_one_thread():
    before = torch.get_num_threads()
    with worker_map(1) as mapped:
        assert list(mapped(threads, [0, 0])) == [1, 1]
    assert torch.get_num_threads() == before


def test_a_killed_process_is_one_line():
    with pytest.raises(TrainingError, match="the same command goes on"), worker_map(2) as mapped:
        list(mapped(die, [0]))


def children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@needs_proc
def test_processes_do_not_outlive_a_killed_search():
    code = (
        "from fewshot_bench.search.workers import worker_map; import time, os\n"
        "with worker_map(1 + 1) as mapped:\n"
        "    list(mapped(os.getenv, ['HOME']))\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(600)"
    )
    search = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert search.stdout.readline() == "ready\n"
    workers = children(search.pid)
    assert workers
    search.kill()
    search.communicate()
    deadline = time.monotonic() + 30
    while any(map(running, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(running, workers))
