"""Large arrays on disk, written row by row: a killed writer goes on where it was."""

import contextlib
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.blocks import Guard, PartGuard, block_digests, read_digests
from fewshot_bench.errors import DataError
from fewshot_bench.files import disk_errors, flush, write_atomic

IN_MEMORY = 64 << 20  # bytes up to which an array is read at once
SAVE_SECONDS = 5.0

Rows = Callable[[int, int], NDArray[Any]]


def write_rows(
    path: Path, n: int, size: int, rows: Rows, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Write an ``.npy`` file of n rows; it is there when it is whole.

    Until then ``<path>.part`` grows, and ``<path>.rows`` says how many of its rows are on the disk.
    ``<path>.blocks`` holds the hashes by which :func:`read_rows` finds damage.
    One process at a time may write; see :func:`fewshot_bench.lock.locked`.

    Args:
        path: of the file.
        n: number of rows, 1 or more.
        size: rows that are made together.
        rows: (start, stop) to rows of one shape and type, the same whenever it is asked.
        progress: told the number of rows that are done.

    Raises:
        FsbenchError: the disk is full or the folder can't be written.
    """
    part, mark = (path.with_name(f"{path.name}.{end}") for end in ("part", "rows"))
    first = rows(0, min(size, n))
    header = _header((n, *first.shape[1:]), first.dtype)
    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        done = _done(part, mark, len(header), first[0].nbytes, n)
        with part.open("r+b" if done else "wb") as file:
            file.write(header)
            file.seek(len(header) + done * first[0].nbytes)
            file.truncate()
            saved = time.monotonic()
            for start in range(done, n, size):
                stop = min(start + size, n)
                values = rows(start, stop) if start else first[:stop]
                file.write(values.tobytes())
                if time.monotonic() - saved > SAVE_SECONDS:
                    flush(file)
                    write_atomic(mark, str(stop).encode())
                    saved = time.monotonic()
                progress(stop)
            flush(file)
        write_atomic(_blocks(path), block_digests(np.load(part, mmap_mode="r")))
        part.replace(path)
        mark.unlink(missing_ok=True)


def is_whole(path: Path) -> bool:
    """Whether an array and its hashes are there; earlier versions wrote no hashes."""
    return path.is_file() and _blocks(path).is_file()


def _blocks(path: Path) -> Path:
    return path.with_name(f"{path.name}.blocks")


def read_rows(path: Path, n: int) -> tuple[NDArray[Any], PartGuard | None]:
    """The array of a file: in memory, or memory-mapped (copy on write) if it is large.

    Returns:
        The array, and what checks a large one before it is used; a small one was checked.

    Raises:
        DataError: it is damaged, or not of n rows.
    """
    try:
        large = path.stat().st_size > IN_MEMORY
        values: NDArray[Any] = np.load(path, mmap_mode="c" if large else None, allow_pickle=False)
    except Exception as error:  # a damaged file makes NumPy raise almost anything
        raise DataError(f"{path} is damaged ({error}); remove it, it is made anew") from error
    if values.shape[:1] != (n,):
        raise DataError(f"{path} has not {n} rows; remove it, it is made anew")
    guard = Guard(path, values, read_digests(_blocks(path)), "remove it, it is made anew")
    if large:
        return values, PartGuard(guard, 0, n)
    guard.check(slice(0, n))
    return values, None


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    file = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(dtype)
    what = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, what)
    return file.getvalue()


def _done(part: Path, mark: Path, header: int, row: int, n: int) -> int:
    """Rows that a killed writer has left on the disk; 0 unless the file holds as many."""
    with contextlib.suppress(OSError, ValueError):
        done = int(mark.read_text(encoding="ascii"))
        if 0 < done < n and part.stat().st_size >= header + done * row:
            return done
    return 0
