"""Files that are either whole or absent: write to a temporary name, flush to disk, rename."""

import contextlib
import ctypes
import functools
import glob
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fewshot_bench.errors import ConfigError, DataError, FsbenchError
from fewshot_bench.reading import parse_json, read_text

_REPLACED = ".replaced"  # inside a new folder: the old one, where both can't change places
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


@contextlib.contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn an ``OSError`` (full disk, no permission) into one line that names what was written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise FsbenchError(
            f"can't write {what}: {reason}; nothing half-written was kept"
        ) from error


def write_atomic(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` so that a reader finds the old file or the new one, never a part.

    Raises:
        FsbenchError: the disk is full or the folder can't be written.
    """
    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        draft = path.parent / f"{_file_prefix()}{os.getpid()}.{secrets.token_hex(4)}"
        try:
            # Not by tempfile, whose files nobody else in a group could read.
            with draft.open("xb") as file:
                file.write(data)
                flush(file)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def _file_prefix() -> str:
    return f".fsbench.{socket.gethostname()}."


@functools.cache
def _sweep(folder: Path) -> None:
    """Remove what killed processes left in a folder, once in the life of this one."""
    if os.name != "posix":
        return
    prefix = _file_prefix()
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        left = [entry.name for entry in entries if entry.name.startswith(prefix)]
    for name in left:
        if _is_dead(name.removeprefix(prefix)):
            with contextlib.suppress(OSError):
                (folder / name).unlink()


def exchanged(one: Path, other: Path) -> bool:
    """Let two paths change places in one step; False where the system has no such step."""
    rename = getattr(_libc(), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0)


@functools.cache
def _libc() -> Any:
    try:
        return ctypes.CDLL(None) if sys.platform == "linux" else None
    except OSError:
        return None


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` that takes its place when the block ends without error.

    Where the system can, both change places at once; elsewhere the old folder is moved into the new
    one first, and :func:`recover` ends what a process that was killed in between has begun.
    """
    with draft_folder(path) as draft:
        yield draft
        with disk_errors(str(path)):
            _take_place(draft, path)


@contextlib.contextmanager
def draft_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` for the length of the block.

    Those of processes that were killed are removed by the next call.
    """
    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        draft = path.parent / f"{_draft_prefix(path, os.getpid())}{secrets.token_hex(4)}"
        draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _take_place(draft: Path, path: Path) -> None:
    """Let a folder take the place of another one, if there is one."""
    if not path.exists():
        draft.replace(path)
    elif not exchanged(draft, path):  # else the draft is the old one now, which the caller removes
        (draft / _REPLACED).mkdir()
        path.replace(draft / _REPLACED / "old")
        draft.replace(path)
        shutil.rmtree(path / _REPLACED, ignore_errors=True)


def recover(path: Path) -> None:
    """Put a whole folder in its place whose writer was killed between two renames."""
    if path.exists() or not path.parent.is_dir():
        return
    for draft in _abandoned(path):
        if (draft / _REPLACED / "old").is_dir():
            with contextlib.suppress(OSError):  # another process was quicker
                draft.replace(path)
                shutil.rmtree(path / _REPLACED, ignore_errors=True)


def _draft_prefix(path: Path, pid: int) -> str:
    return f".{path.name}.{socket.gethostname()}.{pid}."


def _remove_abandoned(path: Path) -> None:
    recover(path)
    for draft in _abandoned(path):
        shutil.rmtree(draft, ignore_errors=True)


def _abandoned(path: Path) -> list[Path]:
    """Drafts of processes that are gone; those of other hosts may be alive."""
    if os.name != "posix":
        return []
    prefix = f".{path.name}.{socket.gethostname()}."
    drafts = path.parent.glob(f"{glob.escape(prefix)}*")
    return [draft for draft in drafts if _is_dead(draft.name.removeprefix(prefix))]


def _is_dead(text: str) -> bool:
    """Whether the process is gone whose number a name begins with, up to a dot."""
    pid = text.partition(".")[0]
    return pid.isdecimal() and len(pid) < 10 and not _alive(int(pid))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def flush(file: Any) -> None:
    """Push an open file's bytes to the disk itself."""
    file.flush()
    os.fsync(file.fileno())


def dump_json(value: Any) -> bytes:
    """Canonical JSON: sorted keys, UTF-8, no NaN, a newline at the end."""
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def load_json(path: Path) -> Any:
    """Read a JSON file; raises DataError that names the file if it is missing or damaged."""
    try:
        return parse_json(read_text(path))
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from error
    except ValueError as error:
        raise DataError(f"{path} can't be read: {error}") from error


def digest(*parts: Any) -> str:
    """Short hash of JSON values, for names of folders."""
    return sha256(json.dumps(parts, sort_keys=True).encode())[:16]


def sha256(*parts: bytes) -> str:
    """Hex SHA-256 of the concatenated parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def safe_name(text: str) -> str:
    """``text`` as one component of a path: no separators, not hidden, at most 60 characters."""
    return re.sub(r"[^A-Za-z0-9_.+=-]+", "_", text).lstrip(".")[-60:] or "_"


def expanded(text: str) -> Path:
    """A path that may begin with ``~`` or ``~user``; raises ConfigError for a user unknown here."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{text}: there is no such user") from error


def cache_folder() -> Path:
    """Where prepared data and trained models are kept: ``FSBENCH_CACHE``, or the user's cache."""
    if chosen := os.environ.get("FSBENCH_CACHE"):
        return expanded(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "fewshot_bench"
