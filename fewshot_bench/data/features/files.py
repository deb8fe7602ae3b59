"""Feature files: ``.npz``, ``.safetensors`` and ``.parquet``, told apart by their suffix.

=============== ======================== =================== ===========================
what            .npz                     .safetensors        .parquet
=============== ======================== =================== ===========================
features        array ``features``       tensor ``features`` column of lists ``features``
labels          array ``labels``         tensor ``labels``   column ``labels``
split           array ``split``          tensor ``split``    column ``split``
class names     array ``class_names``    metadata, JSON      -
=============== ======================== =================== ===========================

Labels are names, or numbers; with class names they are places in these. A split is a word, in
safetensors 0 for train, 1 for val, 2 for test.
"""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch

from fewshot_bench.data.features.table import FeatureTable, checked, content_sha256
from fewshot_bench.data.split import SPLITS
from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.files import write_atomic
from fewshot_bench.reading import parse_json, understood

SUFFIXES = (".npz", ".safetensors", ".parquet")
WHAT = "feature file"
_KEY, _SEAL = "fewshot_bench", "content_sha256"


def check_suffix(path: Path) -> None:
    """Raise ConfigError, before hours of work, for a form that can't be written here."""
    if path.suffix not in SUFFIXES:
        raise ConfigError(f"{path}: feature files end in {', '.join(SUFFIXES)}")
    if path.suffix == ".parquet":
        _need_parquet()


def read_table(path: Path) -> FeatureTable:
    """Read a feature file.

    Raises:
        DataError: missing, damaged, or not of the form that the module's docstring says.
        ConfigError: Parquet can't be read here.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist")
    forms = {".safetensors": _read_safetensors, ".parquet": _read_parquet}
    return _unsealed(forms.get(path.suffix, _read_npz)(path), path)


def write_table(path: Path, table: FeatureTable) -> None:
    """Write a feature file, whole or not at all, in the form of its suffix.

    What has an origin is sealed: it is written with a hash of its content.
    """
    check_suffix(path)
    forms = {".npz": _npz, ".safetensors": _safetensors, ".parquet": _parquet}
    if table.origin is not None:
        sealed = {**table.origin, _SEAL: content_sha256(table)}
        table = dataclasses.replace(table, origin=sealed)
    write_atomic(path, forms[path.suffix](table))


def _unsealed(table: FeatureTable, path: Path) -> FeatureTable:
    """The table without its hash, which was checked; files of earlier versions have none."""
    if table.origin is None or _SEAL not in table.origin:
        return table
    origin = {key: value for key, value in table.origin.items() if key != _SEAL}
    bare = dataclasses.replace(table, origin=origin)
    if content_sha256(bare) != table.origin[_SEAL]:
        raise DataError(
            f"{path} is damaged: its content does not have the hash that it was written with; make"
            " it anew with fsbench embed"
        )
    return bare


def _read_npz(path: Path) -> FeatureTable:
    with understood(path, WHAT), np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    origin = _origin(str(arrays["origin"]), path) if "origin" in arrays else None
    return checked(arrays, arrays.get("class_names"), origin, path)


def _npz(table: FeatureTable) -> bytes:
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {
        "features": table.features,
        "labels": table.labels,
        "split": table.splits,
    }
    if table.origin is not None:
        arrays["origin"] = np.array(json.dumps(table.origin))
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _read_safetensors(path: Path) -> FeatureTable:
    with understood(path, WHAT), safetensors.safe_open(path, framework="pt") as file:
        said = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        arrays: dict[str, Any] = {
            name: (value.float() if value.dtype == torch.bfloat16 else value).numpy()
            for name, value in tensors.items()
        }
        names = parse_json(said["class_names"]) if "class_names" in said else None
    if "split" in arrays:
        split = arrays["split"]
        if split.dtype.kind not in "iu" or not np.isin(split, range(len(SPLITS))).all():
            raise DataError(f"{path}: split is 0 for train, 1 for val, 2 for test")
        arrays["split"] = np.array(SPLITS)[arrays["split"]]
    return checked(arrays, names, _origin(said[_KEY], path) if _KEY in said else None, path)


def _safetensors(table: FeatureTable) -> bytes:
    names, labels = np.unique(table.labels, return_inverse=True)
    said = {"class_names": json.dumps(names.tolist())}
    if table.origin is not None:
        said[_KEY] = json.dumps(table.origin)
    tensors = {
        "features": torch.from_numpy(np.ascontiguousarray(table.features)),
        "labels": torch.from_numpy(labels.astype(np.int64)),
        "split": torch.tensor([SPLITS.index(split) for split in table.splits.tolist()]),
    }
    data: bytes = safetensors.torch.save(tensors, metadata=said)
    return data


def _read_parquet(path: Path) -> FeatureTable:
    import pandas as pd

    _need_parquet()
    with understood(path, WHAT):
        frame = pd.read_parquet(path)
        arrays: dict[str, Any] = {str(name): frame[name].to_numpy() for name in frame.columns}
        if "features" in arrays:
            rows = arrays["features"]
            if len({len(row) for row in rows}) > 1:
                raise DataError(f"{path}: rows of features are of different lengths")
            arrays["features"] = np.stack(list(rows)) if len(rows) else np.zeros((0, 0), np.float32)
        said = frame.attrs.get(_KEY)
    return checked(arrays, None, _origin(said, path) if said else None, path)


def _parquet(table: FeatureTable) -> bytes:
    import pandas as pd

    columns = {"features": list(table.features), "labels": table.labels, "split": table.splits}
    frame = pd.DataFrame(columns)
    if table.origin is not None:
        frame.attrs[_KEY] = json.dumps(table.origin)
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _need_parquet() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "Parquet needs pyarrow: pip install pyarrow, or take .npz or .safetensors"
        ) from error


def _origin(text: str, path: Path) -> dict[str, Any]:
    try:
        origin = parse_json(text)
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: its description is damaged: {error}") from error
    if not isinstance(origin, dict) or not {"manifest", "embedding"} <= origin.keys():
        raise DataError(f"{path}: its description is not one of fewshot_bench")
    return origin
