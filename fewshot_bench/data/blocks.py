"""Hashes of the blocks of a large array on disk: a block is checked when it is first used.

To hash a whole array when it is opened would take seconds. A list of hashes is read in milliseconds
and has a hash of its own; what is used of the array is hashed once in a process, a few per cent of
what its use costs. A file that was cut while it is mapped into memory would end the program without
a word where it is touched, so its size is looked at each time.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.errors import DataError
from fewshot_bench.files import sha256
from fewshot_bench.reading import read_bytes

BLOCK_BYTES = 64 << 10  # of which a block has as many whole rows as fit, one at least
_DIGEST = 32


def rows_per_block(row_bytes: int) -> int:
    """How many rows of an array are hashed together."""
    return max(1, BLOCK_BYTES // row_bytes)


class BlockHasher:
    """Hashes of an array whose rows come one by one.

    Args:
        row_bytes: of a row.
    """

    def __init__(self, row_bytes: int) -> None:
        self._rows = rows_per_block(row_bytes)
        self._open, self._digests = hashlib.sha256(), bytearray()
        self._count = 0

    def add(self, row: bytes) -> None:
        """One more row."""
        self._open.update(row)
        self._count += 1
        if self._count == self._rows:
            self._close()

    def digests(self) -> bytes:
        """Those of all blocks, 32 bytes each; no row may be added after."""
        if self._count:
            self._close()
        return bytes(self._digests)

    def _close(self) -> None:
        self._digests += self._open.digest()
        self._open, self._count = hashlib.sha256(), 0


def block_digests(rows: NDArray[Any]) -> bytes:
    """The same of an array (n, ...)."""
    size = rows_per_block(rows[0].nbytes)
    starts = range(0, len(rows), size)
    return b"".join(_digest(rows[start : start + size]) for start in starts)


def _digest(rows: NDArray[Any]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(rows).data.cast("B")).digest()


def read_digests(path: Path, expected: str | None = None) -> bytes:
    """A file of digests.

    Args:
        path: of the file.
        expected: its SHA-256; None where nothing tells it.

    Raises:
        DataError: missing, or damaged.
    """
    try:
        data = read_bytes(path)
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from error
    if expected is not None and sha256(data) != expected:
        raise DataError(f"{path} is damaged: it does not have the hash that it was written with")
    return data


class Guard:
    """Checks rows of an array on disk before they are used, each block once.

    Args:
        path: of the array's file.
        rows: the array (n, ...), mapped into memory or not.
        digests: see :func:`block_digests`.
        advice: what to do about damage.

    Raises:
        DataError: these are not the digests of so many rows.
    """

    def __init__(self, path: Path, rows: NDArray[Any], digests: bytes, advice: str) -> None:
        self._path, self._rows, self._advice = path, rows, advice
        self._size = rows_per_block(rows[0].nbytes)
        blocks = -(-len(rows) // self._size)
        if len(digests) != _DIGEST * blocks:
            raise DataError(f"{path}: the hashes of its blocks are of another array; {advice}")
        self._digests = digests
        self._known = np.zeros(blocks, dtype=bool)
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._bytes = os.fstat(self._file).st_size

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def check(self, rows: NDArray[Any] | slice) -> None:
        """Raise DataError if one of these rows is not what was written."""
        if os.fstat(self._file).st_size < self._bytes:
            raise DataError(f"{self._path} was cut while it was used; {self._advice}")
        for block in self._new(rows):
            first = block * self._size
            digest = _digest(self._rows[first : first + self._size])
            if digest != self._digests[_DIGEST * block :][:_DIGEST]:
                raise DataError(
                    f"{self._path} is damaged: rows {first} to"
                    f" {min(first + self._size, len(self._rows)) - 1} are not those that were"
                    f" written; {self._advice}"
                )
            self._known[block] = True

    def _new(self, rows: NDArray[Any] | slice) -> list[int]:
        """Blocks of these rows that were not checked yet."""
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self._rows))
            wanted = np.arange(start // self._size, -(-stop // self._size))
        else:
            wanted = np.asarray(rows).ravel() // self._size
        wanted = wanted[~self._known[wanted]]
        found: list[int] = np.unique(wanted).tolist()
        return found


class PartGuard:
    """The guard of a part of an array, whose rows count from 0.

    Args:
        whole: that of the array.
        start: first row of the part.
        length: its rows.
    """

    def __init__(self, whole: Guard, start: int, length: int) -> None:
        self._whole, self._start, self._length = whole, start, length

    def check(self, rows: NDArray[Any] | None = None) -> None:
        """Raise DataError if one of these rows, or any row, is not what was written."""
        if rows is None:
            self._whole.check(slice(self._start, self._start + self._length))
        else:
            self._whole.check(np.asarray(rows) + self._start)
