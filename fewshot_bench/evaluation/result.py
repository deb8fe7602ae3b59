"""An evaluation as two files: ``result.json`` says what was measured, ``episodes.npz`` holds it.

Every number of the summary can be computed again from the per-episode arrays. Both files are
canonical: the same evaluation gives the same bytes, apart from times. On disk they leave out what
can be drawn again (see :mod:`fewshot_bench.evaluation.compact`); identities are over everything.

Schema 2 adds to schema 1 the tool's commit, the group of training seeds, the learning curve and
hashes of class names, and leaves out names of many classes. Schema 1 stays readable.
"""

import datetime
import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.errors import ResultError
from fewshot_bench.evaluation.columns import Columns
from fewshot_bench.evaluation.compact import compact, restore
from fewshot_bench.files import dump_json, load_json, sha256, write_atomic

SCHEMA = 2
RESULT, EPISODES = "result.json", "episodes.npz"
VOLATILE = ("result_id", "created_utc", "timing", "summary")
LARGEST_FILE = 1 << 30  # bytes that the arrays of one result may take in memory


@dataclass(frozen=True, eq=False)
class Result:
    """One evaluation.

    Attributes:
        info: the JSON document.
        columns: per-episode arrays, see :mod:`fewshot_bench.evaluation.evaluate`.
    """

    info: dict[str, Any]
    columns: Columns

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """float64 (T,), fractions in [0, 1]."""
        correct: NDArray[np.float64] = self.columns["n_correct"] / self.columns["n_query"]
        return correct

    def first(self, n: int) -> "Result":
        """The same result on its first n episodes."""
        return Result(self.info, {name: values[:n] for name, values in self.columns.items()})


def make_result(info: dict[str, Any], columns: Columns) -> Result:
    """Complete a document: schema version, hash of the episodes, identity, time of creation."""
    info = {**info, "schema_version": SCHEMA, "episodes_sha256": columns_sha256(columns)}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Result({**info, "result_id": result_id(info), "created_utc": now}, columns)


def result_id(info: dict[str, Any]) -> str:
    """SHA-256 of the canonical document without what changes from run to run."""
    stable = {key: value for key, value in info.items() if key not in VOLATILE}
    return sha256(dump_json(stable))


def configuration(info: dict[str, Any]) -> str:
    """What the training seeds of one row have in common: method, data, protocol, all settings.

    Left out are the training seed, and the number of episodes and how they are reported.
    """
    return json.dumps(list(_identity(info).values()), sort_keys=True)


def differing(infos: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Of each configuration the settings, as JSON by dotted name, that not all have in common."""
    tables = [_flat(_identity(info)) for info in infos]
    names = sorted(set().union(*tables))
    apart = [name for name in names if len({t.get(name, "unset") for t in tables}) > 1]
    return [{name: table.get(name, "unset") for name in apart} for table in tables]


def _identity(info: dict[str, Any]) -> dict[str, Any]:
    """The parts of a document that :func:`configuration` is made of."""
    config = {key: value for key, value in info["method"]["config"].items() if key != "evaluate"}
    config["train"] = {key: value for key, value in config["train"].items() if key != "seed"}
    names = ("id", "way", "shot", "query", "sampler")
    protocol = {name: info["protocol"].get(name) for name in names}
    code = info["method"].get("code_sha256")
    return {
        "method": info["method"]["id"],
        "config": config,
        "protocol": protocol,
        "data fingerprint": info["dataset"]["fingerprint"],
        **({"code": code} if code else {}),
    }


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Nested tables as ``{"a.b": value as JSON}``."""
    if not isinstance(value, dict):
        return {name: json.dumps(value, sort_keys=True)}
    prefix = f"{name}." if name else ""
    parts = [_flat(inner, f"{prefix}{key}") for key, inner in value.items()]
    return {key: text for part in parts for key, text in part.items()}


def columns_sha256(columns: Columns) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of the columns, in name order."""
    parts: list[bytes] = []
    for name in sorted(columns):
        array = np.ascontiguousarray(columns[name])
        parts.append(f"{name} {array.dtype.str} {array.shape}\n".encode())
        parts.append(array.tobytes())
    return sha256(*parts)


def write_result(result: Result, folder: Path) -> None:
    """Write both files, each atomically; ``result.json`` last, so that it never lacks its episodes.

    Raises:
        FsbenchError: the disk is full or the folder can't be written.
    """
    info, columns = compact(result.info, result.columns)
    write_atomic(folder / EPISODES, pack(columns))
    write_atomic(folder / RESULT, dump_json(info))


def read_result(folder: Path) -> Result:
    """Read and check both files.

    Raises:
        ResultError: damaged, altered, or of a newer schema.
        DataError: missing.
    """
    info = load_json(folder / RESULT)
    version = info.get("schema_version") if isinstance(info, dict) else None
    if not isinstance(version, int):
        raise ResultError(f"{folder / RESULT} is not a result of fewshot_bench")
    if version > SCHEMA:
        raise ResultError(f"{folder / RESULT} is of a newer fewshot_bench; update it")
    columns = read_columns(folder / EPISODES)
    try:
        info, columns = restore(info, columns)
    except ResultError as error:
        raise ResultError(f"{folder / RESULT}: {error}") from error
    if columns_sha256(columns) != info.get("episodes_sha256"):
        raise ResultError(f"{folder / EPISODES} is not what {RESULT} was written for")
    if result_id(info) != info.get("result_id"):
        raise ResultError(f"{folder / RESULT} was altered after it was written")
    return Result(info, columns)


def read_columns(path: Path) -> Columns:
    """The arrays of an npz file as they are; raises ResultError if it is missing or damaged."""
    try:
        data = io.BytesIO(path.read_bytes())
        with zipfile.ZipFile(data) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_FILE:
                raise ValueError("the arrays are larger than any result")
        with np.load(data, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
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


def config_sha256(config: dict[str, Any]) -> str:
    """Identity of a resolved configuration."""
    return sha256(json.dumps(config, sort_keys=True).encode())
