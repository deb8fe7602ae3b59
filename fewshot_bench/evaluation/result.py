"""An evaluation as two files: ``result.json`` says what was measured, ``episodes.npz`` holds it.

Every number of the summary can be computed again from the per-episode arrays. Both files are
canonical: the same evaluation gives the same bytes, apart from times. On disk they leave out what
can be drawn again (see :mod:`fewshot_bench.evaluation.compact`); identities are over everything.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.errors import DataError, ResultError
from fewshot_bench.evaluation.arrays import (
    Columns,
    columns_sha256,
    first_episodes,
    pack,
    read_columns,
)
from fewshot_bench.evaluation.classes import class_table
from fewshot_bench.evaluation.compact import compact, restore
from fewshot_bench.evaluation.document import SCHEMA, Document, Facts, parse_document
from fewshot_bench.evaluation.identity import measurement_id, result_id
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.schema import check_columns
from fewshot_bench.files import dump_json, load_json, write_atomic
from fewshot_bench.lock import locked
from fewshot_bench.reading import read_bytes
from fewshot_bench.stats import Interval

if TYPE_CHECKING:
    import pandas as pd

RESULT, EPISODES, OLD_EPISODES = "result.json", "episodes.npz", ".episodes.old.npz"


@dataclass(frozen=True, eq=False)
class Result:
    """One evaluation.

    Attributes:
        document: what was measured, on what, with what.
        columns: per-episode arrays, see :mod:`fewshot_bench.evaluation.arrays`.
    """

    document: Document
    columns: Columns

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """float64 (T,), fractions in [0, 1]."""
        correct: NDArray[np.float64] = self.columns["n_correct"] / self.columns["n_query"]
        return correct

    def first(self, n: int) -> "Result":
        """The same result on its first n episodes."""
        return Result(self.document, first_episodes(self.columns, n))

    def interval(self, kind: str = "closed", level: float = 0.95) -> Interval:
        """Mean accuracy with an interval, computed from the stored predictions.

        Args:
            kind: ``closed``, ``open_images`` or ``open_classes``: what may be new.
            level: confidence level.

        Raises:
            ConfigError: there is no such kind, or these episodes can't tell.
        """
        return interval_of([self], kind, level)

    def per_class(self, level: float = 0.95) -> "pd.DataFrame":
        """One row per tested class, see :func:`fewshot_bench.evaluation.classes.class_table`."""
        return class_table([self], level)

    def save(self, folder: Path | str, *, overwrite: bool = False) -> None:
        """Write it, see :func:`write_result`."""
        write_result(self, Path(folder), overwrite=overwrite)

    def __str__(self) -> str:
        document, closed = self.document, self.interval()
        return (
            f"{document.method.id} ({document.method.setting}) on {document.dataset.id},"
            f" {document.protocol.id}: {100 * closed.mean:.2f} % +- {100 * closed.half_width:.2f}"
            f" ({100 * closed.level:g}% {closed.estimand}, {len(self.accuracy)} episodes)"
        )


def make_result(facts: Facts, columns: Columns) -> Result:
    """Complete a document: schema version, hash of the episodes, identity, time of creation.

    Raises:
        ResultError: the facts are not complete, or the columns are not theirs.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    table: dict[str, Any] = {"schema_version": SCHEMA, **facts.table(), "created_utc": now}
    table["episodes_sha256"] = columns_sha256(columns)
    document = parse_document({**table, "result_id": result_id(table)})
    check_columns(document, columns)
    return Result(document, columns)


def write_result(result: Result, folder: Path, *, overwrite: bool = False) -> None:
    """Write both files, each atomically; ``result.json`` last, so that it never lacks its episodes.

    One process at a time writes into a folder. Where a result takes the place of another one, the
    episodes of the old one stay beside it until the end, so that whoever is killed in between
    leaves the old result readable.

    Raises:
        ResultError: the folder holds another result and ``overwrite`` is not set.
        FsbenchError: the disk is full or the folder can't be written.
    """
    table, columns = compact(result.document, result.columns)
    with locked(folder / RESULT, f"the result in {folder}"):
        there = stored_table(folder)
        replaces = there is not None and measurement_id(there) != measurement_id(table)
        if replaces and not overwrite:
            raise ResultError(another_result(folder))
        if there and _fits(there, folder / EPISODES):
            write_atomic(folder / OLD_EPISODES, read_bytes(folder / EPISODES))
        write_atomic(folder / EPISODES, pack(columns))
        write_atomic(folder / RESULT, dump_json(table))
        (folder / OLD_EPISODES).unlink(missing_ok=True)


def _fits(table: Mapping[str, Any], episodes: Path) -> bool:
    """Whether a file holds the episodes that a document was written for."""
    try:
        _whole(parse_document(table), episodes)
    except ResultError:
        return False
    return True


def stored_table(folder: Path) -> dict[str, Any] | None:
    """The JSON document in a folder, unchecked; {} if it is damaged, None if there is none."""
    if not (folder / RESULT).exists():
        return None
    try:
        table = load_json(folder / RESULT)
    except DataError:
        return {}
    return table if isinstance(table, dict) else {}


def another_result(folder: Path) -> str:
    """One line: a folder is taken, and what to do."""
    return f"{folder} holds another result; take another --out, or --overwrite to replace it"


def read_result(folder: Path) -> Result:
    """Read and check both files.

    Raises:
        ResultError: damaged, altered, or of a newer schema.
        DataError: missing.
    """
    table = load_json(folder / RESULT)
    version = table.get("schema_version") if isinstance(table, dict) else None
    if not isinstance(version, int):
        raise ResultError(f"{folder / RESULT} is not a result of fewshot_bench")
    if version > SCHEMA:
        raise ResultError(f"{folder / RESULT} is of a newer fewshot_bench; update it")
    try:
        document = parse_document(table)
        columns = _columns_of(document, folder)
        if result_id(document.table()) != document.result_id:
            raise ResultError("it was altered after it was written")
        check_columns(document, columns)
    except ResultError as error:
        raise ResultError(f"{folder / RESULT}: {error}") from error
    return Result(document, columns)


def _columns_of(document: Document, folder: Path) -> Columns:
    """The arrays that a document was written for; raises ResultError if they are not there."""
    old = folder / OLD_EPISODES  # is there where whoever replaced the result was killed meanwhile
    try:
        return _whole(document, folder / EPISODES)
    except ResultError:
        if not old.is_file():
            raise
    return _whole(document, old)


def _whole(document: Document, episodes: Path) -> Columns:
    columns = restore(document, read_columns(episodes))
    if columns_sha256(columns) != document.episodes_sha256:
        raise ResultError(f"{EPISODES} is not what {RESULT} was written for")
    return columns
