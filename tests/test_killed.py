"""Death at any moment of a replacement: the old or the new is readable, nothing else is left."""

import contextlib
import itertools
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from fewshot_bench import files
from fewshot_bench.data.budget import Budget
from fewshot_bench.evaluation.result import EPISODES, RESULT, read_result, write_result
from fewshot_bench.files import atomic_folder, recover, write_atomic
from tests.leaderboard.synthetic import synthetic

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children by fork")
EFFECTS = (
    *((Path, name) for name in ("replace", "unlink", "mkdir")),
    *((os, "fsync"), (shutil, "rmtree"), (files, "exchanged")),
)


def killed_before(effect, work):
    """Do something in a child that dies before so many effects on the disk; False if it has ended.

    Args:
        effect: number of the one that does not happen any more, from 1.
        work: called without arguments.
    """
    if (pid := os.fork()) == 0:
        with contextlib.suppress(BaseException):
            files._sweep.cache_clear()
            count = itertools.count(1)
            for owner, name in EFFECTS:
                setattr(owner, name, _dying(getattr(owner, name), count, effect))
            work()
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _dying(function, count, effect):
    def instead(*args, **kwargs):
        if next(count) == effect:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return instead


def until_whole(work, check):
    """Kill it before its first effect, its second and so on, with a check after each death."""
    deaths = 0
    while killed_before(deaths + 1, work):
        deaths += 1
        check()
    return deaths


def replaced_folder(path):
    with atomic_folder(path) as draft:
        for name in ("a", "b"):
            (draft / name).write_text("new")


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_folder_that_is_replaced_is_the_old_or_the_new_one(tmp_path, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(files, "exchanged", lambda *_: False)
    path = tmp_path / "store"
    seen = set()

    def check():
        recover(path)
        texts = [(path / name).read_text() for name in ("a", "b")]
        seen.add(tuple(texts))
        assert texts in (["old"] * 2, ["new"] * 2)
        shutil.rmtree(path)
        path.mkdir()
        for name in ("a", "b"):
            (path / name).write_text("old")

    path.mkdir()
    for name in ("a", "b"):
        (path / name).write_text("old")
    assert until_whole(lambda: replaced_folder(path), check) >= 3
    assert seen == {("old",) * 2, ("new",) * 2}
    assert [entry.name for entry in tmp_path.iterdir()] == ["store"]  # what the dead left is gone
    assert sorted(entry.name for entry in path.iterdir()) == ["a", "b"]


def test_a_result_that_is_replaced_is_the_old_or_the_new_one(tmp_path):
    old, new = (synthetic(seed=seed, episodes=20) for seed in (0, 1))
    ids = {old.document.result_id, new.document.result_id}
    assert len(ids) == 2
    folder, seen = tmp_path / "out", set()

    def check():
        seen.add(read_result(folder).document.result_id)
        write_result(old, folder, overwrite=True)

    write_result(old, folder)
    until_whole(lambda: write_result(new, folder, overwrite=True), check)
    assert seen == ids
    assert read_result(folder).document.result_id == new.document.result_id
    assert sorted(entry.name for entry in folder.iterdir()) == sorted([EPISODES, RESULT])


def test_a_file_that_is_replaced_is_the_old_or_the_new_one(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    until_whole(lambda: write_atomic(path, b"new"), lambda: path.read_bytes() in (b"old", b"new"))
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_threads_share_one_budget():
    budget, lock, held, most = Budget(7), threading.Lock(), 0, 0

    def work(units):
        nonlocal held, most
        for _ in range(20):
            with budget.holding(units):
                with lock:
                    held += units
                    most = max(most, held)
                with lock:
                    held -= units

    threads = [threading.Thread(target=work, args=(units,)) for units in (1, 3, 3, 4, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert 0 < most <= 7


def test_who_asks_for_more_than_the_budget_is_let_in_alone():
    budget = Budget(7)
    with budget.holding(100):
        other = threading.Thread(target=lambda: budget.holding(1).__enter__(), daemon=True)
        other.start()
        other.join(0.05)
        assert other.is_alive()
    other.join(60)
    assert not other.is_alive()
