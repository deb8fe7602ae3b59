"""Files that are whole or absent."""

import errno
import os
import subprocess
import sys

import pytest

from fewshot_bench import files
from fewshot_bench.errors import ConfigError, DataError, FsbenchError
from fewshot_bench.files import (
    atomic_folder,
    cache_folder,
    dump_json,
    expanded,
    load_json,
    safe_name,
    write_atomic,
)


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x"
    write_atomic(path, b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FsbenchError, match="No space left on device"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="permissions as in POSIX")
def test_who_may_read_is_what_the_user_has_set(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "file", b"")
        with atomic_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("file", "folder")]
    assert modes == [0o640, 0o750]


def test_a_folder_appears_whole_and_replaces_the_old_one(tmp_path):
    path = tmp_path / "store"
    for text in ("one", "two"):
        with atomic_folder(path) as draft:
            (draft / "file").write_text(text)
            assert not path.exists() or (path / "file").read_text() == "one"
    assert (path / "file").read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["store"]
    assert [p.name for p in path.iterdir()] == ["file"]


def test_a_failed_folder_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "store") as draft:
        (draft / "file").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_drafts_of_dead_processes_are_removed_and_of_living_ones_kept(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    gone = tmp_path / f"{files._draft_prefix(tmp_path / 'store', dead.pid)}abc"
    alive = tmp_path / f"{files._draft_prefix(tmp_path / 'store', os.getppid())}abc"
    gone.mkdir()
    alive.mkdir()
    with atomic_folder(tmp_path / "store"):
        pass
    assert not gone.exists()
    assert alive.exists()


def test_json_is_canonical_and_refuses_nan(tmp_path):
    assert dump_json({"b": 1, "a": "é"}) == dump_json({"a": "é", "b": 1})
    with pytest.raises(ValueError, match="Out of range"):
        dump_json({"x": float("nan")})
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(DataError, match="can't be read"):
        load_json(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("text", "safe"),
    [("maml+x", "maml+x"), ("../../etc", "_.._etc"), ("a/b<c>", "a_b_c_"), ("", "_")],
)
def test_names_become_one_component_of_a_path(text, safe):
    assert safe_name(text) == safe


def test_an_unknown_user_is_said():
    assert expanded("~/x").is_absolute()
    with pytest.raises(ConfigError, match="no such user"):
        expanded("~nobody-of-this-name/x")


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("FSBENCH_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "fewshot_bench"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "fewshot_bench"
    monkeypatch.setenv("FSBENCH_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "mine"
