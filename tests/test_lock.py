"""Locks of folders, with processes of their own that hold them, die, or belong elsewhere."""

import dataclasses
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from fewshot_bench import lock
from fewshot_bench.errors import FsbenchError, Interrupted
from fewshot_bench.lock import Holder, locked

HOLD = """
import sys, time
from pathlib import Path
from fewshot_bench.lock import locked
with locked(Path(sys.argv[1]), "the thing"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock until its standard input ends."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "folder")]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.communicate()


def taken(folder):
    """Take the lock in a thread; returns the thread and the event that it has it."""
    has = threading.Event()

    def run():
        with locked(folder, "the thing"):
            has.set()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, has


def said(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_second_process_waits_says_for_whom_and_goes_on(other, tmp_path, caplog):
    thread, has = taken(tmp_path / "folder")
    assert not has.wait(3 * lock.POLL_SECONDS)
    holder = Holder.read(tmp_path / ".folder.holder")
    assert holder.pid == other.pid
    other.communicate("\n")
    thread.join()
    assert has.is_set()
    assert said(caplog) == [f"fsbench: waiting for the thing ({holder})"]
    assert f"process {other.pid} on {holder.host}, at work since 20" in said(caplog)[0]
    assert list(tmp_path.iterdir()) == []


def test_a_killed_holder_frees_the_lock(other, tmp_path):
    thread, has = taken(tmp_path / "folder")
    assert not has.wait(2 * lock.POLL_SECONDS)
    other.send_signal(signal.SIGKILL)
    thread.join()
    assert has.is_set()
    assert list(tmp_path.iterdir()) == []


def test_an_error_inside_frees_the_lock_and_goes_on_up(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "folder", "the thing"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def foreign(tmp_path):
    """The file of a holder on another machine."""
    path = tmp_path / ".folder.holder"
    holder = dataclasses.replace(Holder.here(), host="elsewhere", machine="other")
    path.write_text(json.dumps(dataclasses.asdict(holder)))
    return path


def test_another_machine_keeps_its_lock_while_its_heart_beats(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(lock, "STALE_SECONDS", 0.5)
    path = foreign(tmp_path)
    thread, has = taken(tmp_path / "folder")
    for beat in range(1, 6):
        os.utime(path, (beat, beat))  # whatever its clock says
        assert not has.wait(0.2)
    thread.join()  # no more beats
    assert has.is_set()
    assert "on elsewhere" in said(caplog)[0]
    assert len(said(caplog)) == 1


def test_the_holder_of_a_lock_beats(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "HEARTBEAT_SECONDS", 0.01)
    with locked(tmp_path / "folder", "the thing"):
        path = tmp_path / ".folder.holder"
        os.utime(path, (1, 1))
        deadline = time.monotonic() + 30
        while path.stat().st_mtime == 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 1


def test_a_dead_holder_is_not_taken_for_the_one_that_came_after_it(tmp_path):
    path = foreign(tmp_path)
    dead = dataclasses.replace(Holder.read(path), token="older")
    lock._remove(path, dead)
    assert Holder.read(path) is not None
    lock._remove(path, Holder.read(path))
    assert list(tmp_path.iterdir()) == []


def test_without_locks_of_the_kernel_heartbeats_do(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    monkeypatch.setattr(lock, "STALE_SECONDS", 0.3)
    with locked(tmp_path / "folder", "the thing"):
        monkeypatch.setattr(lock, "STALE_SECONDS", 30.0)
        thread, has = taken(tmp_path / "folder")
        assert not has.wait(0.5)
    thread.join()
    assert has.is_set()


def test_stopping_while_waiting_is_exit_code_130(other, tmp_path, monkeypatch):
    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(lock.time, "sleep", interrupted)
    with (
        pytest.raises(Interrupted, match="stopped waiting for the thing") as error,
        locked(tmp_path / "folder", "the thing"),
    ):
        pass
    assert error.value.exit_code == 130


def test_a_place_that_can_not_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FsbenchError, match="can't write"), locked(tmp_path / "file" / "x", "it"):
        pass
