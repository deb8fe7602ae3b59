"""The arrays of a result, one row per episode, and the file ``episodes.npz`` that holds them.

Episodes of one shape make rectangular arrays: ``class_ids`` (T, way), ``support_ids``
(T, way, shot), ``query_ids`` and ``pred`` (T, way, query). Where episodes differ in shape the same
arrays are flat, one episode after the other, and say their labels: ``class_ids`` (sum of
``n_way``,), ``support_ids`` and ``support_labels`` (sum of ``n_support``,), ``query_ids``,
``query_labels`` and ``pred`` (sum of ``n_query``,); the counts have shape (T,).
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.errors import ResultError
from fewshot_bench.files import sha256
from fewshot_bench.reading import read_bytes

Columns = dict[str, NDArray[Any]]
Ints = NDArray[np.int64]
LARGEST_FILE = 1 << 30  # bytes that the arrays of one result may take in memory
FLAT = {
    "class_ids": "n_way",
    "support_ids": "n_support",
    "support_labels": "n_support",
    "query_ids": "n_query",
    "query_labels": "n_query",
    "pred": "n_query",
}  # of ragged episodes -> the column that counts their entries


def is_ragged(columns: Columns) -> bool:
    """Whether the episodes differ in shape."""
    return "query_labels" in columns


def first_episodes(columns: Columns, n: int) -> Columns:
    """The columns of the first n episodes."""
    if not is_ragged(columns):
        return {name: values[:n] for name, values in columns.items()}
    ends = {name: int(columns[name][:n].sum()) for name in set(FLAT.values()) & columns.keys()}
    return {name: values[: ends.get(FLAT.get(name, ""), n)] for name, values in columns.items()}


@dataclass(frozen=True, eq=False)
class Queries:
    """All queries of a result, one after the other; int64 arrays of shape (N,).

    Attributes:
        episode: number of the episode among the rows.
        label: its true label, below the number of ways.
        class_id: index of its class among those of the split.
        pred: predicted label.
    """

    episode: Ints
    label: Ints
    class_id: Ints
    pred: Ints


def queries(columns: Columns) -> Queries:
    """What was predicted of each query, and what was right."""
    if is_ragged(columns):
        counts = columns["n_query"].astype(np.int64)
        episode = np.repeat(np.arange(len(counts)), counts)
        label = columns["query_labels"].astype(np.int64)
        starts = _starts(columns["n_way"])
        classes = columns["class_ids"][starts[episode] + label]
        return Queries(episode, label, classes.astype(np.int64), columns["pred"].astype(np.int64))
    n, way, query = columns["pred"].shape
    episode, label, _ = np.indices((n, way, query))
    classes = np.repeat(columns["class_ids"][:, :, None], query, axis=2)
    arrays = (episode, label, classes, columns["pred"])
    return Queries(*(array.ravel().astype(np.int64) for array in arrays))


def design(columns: Columns) -> tuple[Ints, Ints]:
    """Classes (T, way) and images (T, way, shot + query); -1 where an episode has fewer."""
    if not is_ragged(columns):
        images = np.concatenate([columns["support_ids"], columns["query_ids"]], axis=2)
        return columns["class_ids"].astype(np.int64), images.astype(np.int64)
    ways = columns["n_way"].astype(np.int64)
    n, most = len(ways), int(ways.max())
    numbers = np.arange(n)
    classes = np.full((n, most), -1, dtype=np.int64)
    classes[np.arange(most) < ways[:, None]] = columns["class_ids"]
    parts = [
        np.repeat(numbers, columns[count].astype(np.int64)) * most + columns[label]
        for count, label in (("n_support", "support_labels"), ("n_query", "query_labels"))
    ]
    cell = np.concatenate(parts).astype(np.int64)
    order = np.argsort(cell, kind="stable")
    sizes = np.bincount(cell, minlength=n * most)
    rank = np.arange(len(cell)) - _starts(sizes)[cell[order]]
    images = np.full((n * most, int(sizes.max())), -1, dtype=np.int64)
    ids = np.concatenate([columns["support_ids"], columns["query_ids"]])
    images[cell[order], rank] = ids[order]
    return classes, images.reshape(n, most, -1)


def _starts(counts: NDArray[Any]) -> Ints:
    ends: Ints = np.cumsum(counts, dtype=np.int64)
    return ends - counts.astype(np.int64)


def columns_sha256(columns: Columns) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of the columns, in name order."""
    parts: list[bytes] = []
    for name in sorted(columns):
        array = np.ascontiguousarray(columns[name])
        parts.append(f"{name} {array.dtype.str} {array.shape}\n".encode())
        parts.append(array.tobytes())
    return sha256(*parts)


def read_columns(path: Path) -> Columns:
    """The arrays of an npz file as they are; raises ResultError if it is missing or damaged."""
    try:
        data = io.BytesIO(read_bytes(path))
        with zipfile.ZipFile(data) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_FILE:
                raise ValueError("the arrays are larger than any result")
        with np.load(data, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # a damaged file makes the readers raise almost anything
        raise ResultError(f"{path} is missing or damaged: {error}") from error


def pack(columns: Columns) -> bytes:
    """The bytes of an npz file, the same for the same columns (zip entries carry no time)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(columns):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, columns[name], allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy")
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, entry.getvalue())
    return buffer.getvalue()
