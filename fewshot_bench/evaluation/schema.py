"""What the arrays of a result must hold for other programs to rely on them: types and shapes."""

from typing import Any

import numpy as np

from fewshot_bench.errors import ResultError
from fewshot_bench.evaluation.arrays import FLAT, Columns, is_ragged
from fewshot_bench.evaluation.document import Document

FLOATS = ("nll", "brier")
PER_EPISODE = ("n_correct", "n_query", "nll", "brier", "episode_index", "episode_hash")


def check_columns(document: Document, columns: Columns) -> None:
    """Raise ResultError, saying what is wrong, unless the arrays fit the document."""
    t = document.protocol.T
    for name in PER_EPISODE:
        _check_column(name, columns.get(name), (t,))
    shapes = _ragged(columns, t) if is_ragged(columns) else _rectangular(document, t)
    for name, shape in shapes.items():
        _check_column(name, columns.get(name), shape)
    _check_labels(document, columns)


def _rectangular(document: Document, t: int) -> dict[str, tuple[int, ...]]:
    way, shot, query = document.protocol.shape
    return {
        "pred": (t, way, query),
        "class_ids": (t, way),
        "support_ids": (t, way, shot),
        "query_ids": (t, way, query),
    }


def _ragged(columns: Columns, t: int) -> dict[str, tuple[int, ...]]:
    for name in ("n_way", "n_support"):
        _check_column(name, columns.get(name), (t,))
    return {name: (int(columns[count].sum()),) for name, count in FLAT.items()}


def _check_labels(document: Document, columns: Columns) -> None:
    if (columns["n_correct"] > columns["n_query"]).any() or (columns["n_query"] < 1).any():
        raise ResultError("n_correct and n_query are not counts of right and of all queries")
    if int(columns["class_ids"].max()) >= len(document.dataset.pool_sizes):
        raise ResultError("class_ids holds classes that the split does not have")
    if not is_ragged(columns):
        if int(columns["pred"].max()) >= document.protocol.shape[0]:
            raise ResultError(f"pred holds labels beyond {document.protocol.shape[0] - 1}")
        return
    for name in ("pred", "query_labels", "support_labels"):
        if (columns[name] >= np.repeat(columns["n_way"], columns[FLAT[name]])).any():
            raise ResultError(f"{name} holds labels beyond the ways of an episode")


def _check_column(name: str, values: Any, shape: tuple[int, ...]) -> None:
    wanted = "f" if name in FLOATS else "iu"
    if values is None or values.shape != shape or values.dtype.kind not in wanted:
        kind = "numbers" if wanted == "f" else "whole numbers"
        raise ResultError(f"column {name} must hold {kind} of shape {shape}")
    if not np.isfinite(values).all() or (values.size and values.min() < 0):
        raise ResultError(f"column {name} has values that are negative or not finite")
