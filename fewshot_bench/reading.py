"""Files that may come from anybody: read to their end, checked for shape, never trusted.

A pipe, a socket or a device in the place of a file would keep its reader waiting for ever, so only
regular files are opened. What parsers are given is bounded, and what they return is checked before
anything relies on it.
"""

import contextlib
import errno
import json
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fewshot_bench.errors import DataError, FsbenchError, one_line

MOST_BYTES = 4 << 30  # of a file that is read at once
DEEPEST = 100  # of values inside values; programs and people write ten at most
_PLAIN = (str, bool, int, float, type(None))


def read_bytes(path: Path | str, most: int = MOST_BYTES) -> bytes:
    """All bytes of a regular file.

    Args:
        path: of the file, or a link to it.
        most: bytes that it may have.

    Raises:
        OSError: missing, not readable, not a regular file, or too large; the name can't be one.
    """
    name = str(path)
    if "\0" in name:
        raise OSError(errno.EINVAL, "a name can't hold NUL", name)
    # Without O_NONBLOCK the opening of a pipe waits for its writer.
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(fd, "rb") as file:  # noqa: PTH123 - of a descriptor
        facts = os.fstat(fd)
        if stat.S_ISDIR(facts.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "a pipe, socket or device, not a file", name)
        if facts.st_size > most:
            raise OSError(errno.EFBIG, f"larger than {most:,} bytes", name)
        data = file.read(facts.st_size + 1)  # not more, for which memory would be taken
        if len(data) > facts.st_size:  # a file of /proc has no size, and one may grow meanwhile
            data += file.read(most + 1 - len(data))
    if len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most:,} bytes", name)
    return data


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """All text of a regular file in UTF-8.

    Raises:
        OSError: see :func:`read_bytes`.
        UnicodeDecodeError: it is no UTF-8.
    """
    return read_bytes(path, most).decode("utf-8")


def require_regular(path: Path) -> None:
    """Raise OSError for what a library that opens files itself would wait for."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "a pipe, socket or device, not a file", str(path))


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON document, as :func:`check_plain` wants it; its numbers are finite.

    Raises:
        ValueError: it is no JSON, or goes beyond it.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    check_plain(value)
    return value


def check_plain(value: Any) -> None:
    """Raise ValueError unless a value is made of what JSON has, and not nested too deeply.

    NaN, infinities, dates, and halves of surrogate pairs, which are no text, are refused.
    """
    level = [value]
    for _ in range(DEEPEST):
        deeper: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                deeper += one
                deeper += one.values()
            elif isinstance(one, list):
                deeper += one
            else:
                _check_leaf(one)
        if not deeper:
            return
        level = deeper
    raise ValueError(f"it is nested more than {DEEPEST} levels deep")


def _check_leaf(value: Any) -> None:
    if not isinstance(value, _PLAIN):
        raise ValueError(f"a value is {value!r}, which is neither text nor a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError("a text holds half of a surrogate pair") from error


@contextlib.contextmanager
def understood(
    path: Path, what: str, advice: str = "", kind: type[FsbenchError] = DataError
) -> Iterator[None]:
    """Turn whatever a parser makes of a hostile or damaged file into one line that names it.

    Args:
        path: of the file.
        what: what it should be, for ``<path> is no <what>``.
        advice: what to do, after a semicolon.
        kind: of the error.
    """
    try:
        yield
    except FsbenchError:
        raise
    except Exception as error:
        text = str(error)
        if isinstance(error, OSError) and error.strerror:
            text = error.strerror
        reason = one_line(text)[:200].strip() or type(error).__name__
        if isinstance(error, KeyError):
            reason = f"it lacks {reason}"
        raise kind(f"{path} is no {what}: {reason}{advice and f'; {advice}'}") from error
