"""What a feature file holds, whatever its form, and how it is checked."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.errors import DataError
from fewshot_bench.files import sha256

SCHEME = "features:"  # what names of feature files as data begin with
Features = NDArray[np.float32] | NDArray[np.float16]


@dataclass(frozen=True)
class Embedding:
    """What computed features, or what gave a backbone its weights.

    Attributes:
        sha256: of weights and preprocessing, or of the features themselves.
        backbone: its name; "" where it is not known.
        weights: name of the weights, or of their file.
        n_params: numbers in its parameters; 0 where they are not known.
        trained_on: in words, what it has seen besides training classes of the benchmark; "" for
            nothing.
        preprocessing: images that the network takes.
    """

    sha256: str
    backbone: str = ""
    weights: str = ""
    n_params: int = 0
    trained_on: str = ""
    preprocessing: dict[str, Any] = field(default_factory=dict)

    def table(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Rows of a feature file.

    Attributes:
        features: (n, D).
        labels: (n,) class names.
        splits: (n,) ``train``, ``val`` or ``test``.
        origin: of a file of ``fsbench embed``: ``manifest`` of the images, ``embedding``.
    """

    features: Features
    labels: NDArray[Any]
    splits: NDArray[Any]
    origin: dict[str, Any] | None = None


def content_sha256(table: FeatureTable) -> str:
    """SHA-256 of all that a table holds, by which damage to its file is found."""
    words = ["\n".join(column.tolist()) for column in (table.labels, table.splits)]
    told = json.dumps([table.features.shape, words, table.origin], sort_keys=True)
    values = np.ascontiguousarray(
        table.features, dtype=np.float32
    )  # whatever form keeps of 16 bits
    return sha256(told.encode(), values.tobytes())


def checked(
    arrays: Mapping[str, Any], class_names: Any, origin: dict[str, Any] | None, path: Path
) -> FeatureTable:
    """The table in arrays that a file held.

    Args:
        arrays: ``features``, ``labels``, and ``split`` if there is one.
        class_names: names of the classes that whole labels stand for; None where labels are names.
        origin: see :class:`FeatureTable`.
        path: names the file.

    Raises:
        DataError: an array is missing, or they do not fit together.
    """
    if missing := {"features", "labels"} - arrays.keys():
        raise DataError(f"{path} lacks the array {sorted(missing)[0]!r}")
    features, labels = np.asarray(arrays["features"]), np.asarray(arrays["labels"])
    splits = np.asarray(arrays.get("split", np.full(labels.shape, "test"))).astype(str)
    if features.ndim != 2 or not labels.shape == splits.shape == features.shape[:1]:
        raise DataError(f"{path}: features (n, D), labels (n,) and split (n,) must fit together")
    if not features.size:
        raise DataError(f"{path} holds no features")
    if features.dtype.kind not in "fiub":
        raise DataError(f"{path}: features are numbers, not {features.dtype}")
    if features.dtype not in (np.float16, np.float32):
        features = features.astype(np.float32)
    if not np.isfinite(features).all():
        raise DataError(f"{path}: a feature is not finite")
    return FeatureTable(features, _names(labels, class_names, path), splits, origin)


def _names(labels: NDArray[Any], class_names: Any, path: Path) -> NDArray[Any]:
    if class_names is None or not np.issubdtype(labels.dtype, np.integer):
        return labels.astype(str)
    known = np.asarray(class_names).astype(str)
    if known.ndim != 1:
        raise DataError(f"{path}: class_names are no list of texts")
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(known):
        raise DataError(f"{path}: a label is none of the {len(known)} class_names")
    named: NDArray[Any] = known[labels]
    return named
