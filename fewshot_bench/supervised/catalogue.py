"""Data sets by name: small real ones that scikit-learn brings, and any image benchmark."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fewshot_bench.data.library import open_benchmark
from fewshot_bench.data.transforms import Normalise
from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.files import sha256
from fewshot_bench.inner.losses.per_output import Task
from fewshot_bench.registry import BENCHMARKS
from fewshot_bench.supervised.data import Examples, PartName, SupervisedData, split_parts

# name -> (loader in sklearn.datasets, its arguments, task)
BUNDLED: dict[str, tuple[str, dict[str, Any], Task]] = {
    "diabetes": ("load_diabetes", {"scaled": False}, "regression"),
    "california": ("fetch_california_housing", {"download_if_missing": False}, "regression"),
    "digits": ("load_digits", {}, "classification"),
    "breast-cancer": ("load_breast_cancer", {}, "classification"),
    "wine": ("load_wine", {}, "classification"),
}


def load_data(
    name: str, image_size: int | None = None, max_classes: int | None = None
) -> SupervisedData:
    """Open a data set with its fixed split.

    Args:
        name: a key of :data:`BUNDLED`, or an image benchmark as for ``fsbench evaluate``; of
            that, the training classes are one ordinary classification task.
        image_size: side in pixels of a benchmark's images; None for its own.
        max_classes: take the first so many classes of a benchmark; None for all.

    Raises:
        ConfigError: unknown name, image options without images, or scikit-learn is not installed.
        DataError: the benchmark is not prepared, has classes of a few images only, or scikit-learn
            has not got the data set.
    """
    if name in BUNDLED and (image_size or max_classes):
        raise ConfigError(f"image_size and max_classes are for image benchmarks, not for {name}")
    if name in BUNDLED:
        return _bundled(name)
    if name.partition(":")[0] in BENCHMARKS:
        return _training_classes(name, image_size, max_classes)
    known = ", ".join([*BUNDLED, *(entry.name for entry in BENCHMARKS)])
    raise ConfigError(f"unknown data set {name!r}; known: {known}")


def _bundled(name: str) -> SupervisedData:
    loader, arguments, task = BUNDLED[name]
    try:
        import sklearn.datasets
    except ImportError as error:
        raise ConfigError(
            f"{name} comes with scikit-learn: pip install 'fewshot-bench[search]'"
        ) from error
    load: Callable[..., Any] = getattr(sklearn.datasets, loader)
    try:
        bunch = load(**arguments)
    except OSError as error:
        raise DataError(f"{name} is not there: call sklearn.datasets.{loader}() once") from error
    x = bunch.images[:, None] if name == "digits" else bunch.data
    make = _classification if task == "classification" else _regression
    fingerprint = sha256(x.tobytes(), bunch.target.tobytes())
    return dataclasses.replace(make(name, x, bunch.target), fingerprint=fingerprint)


def _classification(name: str, x: NDArray[Any], y: NDArray[Any]) -> SupervisedData:
    labels = y.astype(np.int64)
    ids = split_parts(len(labels), labels)
    inputs = _standardised(torch.from_numpy(x).double(), ids["train"])
    n_classes = len(np.unique(y))
    return _assemble(name, "classification", n_classes, inputs, torch.from_numpy(labels), ids)


def _regression(name: str, x: NDArray[Any], y: NDArray[Any]) -> SupervisedData:
    """Targets are standardised too: a squared error of 1 is that of the training mean."""
    ids = split_parts(len(y))
    inputs = _standardised(torch.from_numpy(x).double(), ids["train"])
    targets = _standardised(torch.from_numpy(y).double().view(len(y), -1), ids["train"])
    return _assemble(name, "regression", targets.shape[1], inputs, targets, ids)


def _standardised(x: Tensor, train: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the training examples: per feature, per channel of images."""
    dims = (0, *range(2, x.ndim))
    std, mean = torch.std_mean(x[train], dim=dims, correction=0, keepdim=True)
    return ((x - mean) / std.where(std > 0, 1.0)).float()


def _training_classes(name: str, image_size: int | None, max_classes: int | None) -> SupervisedData:
    store = open_benchmark(name, image_size)
    # A turned drawing is a class of its own, but not a drawing of its own.
    manifest = dataclasses.replace(store.manifest, rotations=False)
    split = dataclasses.replace(store, manifest=manifest).split("train")
    n_classes = min(split.n_classes, max_classes or split.n_classes)
    n_images = int(split.class_sizes[:n_classes].sum())
    images, labels = (torch.from_numpy(array[:n_images]) for array in (split.images, split.labels))
    ids = split_parts(n_images, split.labels[:n_images])
    normalise = Normalise(*_moments(images, ids["train"]))
    data = _assemble(name, "classification", n_classes, images, labels, ids, normalise)
    return dataclasses.replace(data, fingerprint=store.manifest.fingerprint)


def _moments(images: Tensor, train: Tensor) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel of uint8 training images, scaled to [0, 1]."""
    counts = torch.stack(
        [
            torch.bincount(images[train, c].flatten().int(), minlength=256)
            for c in range(images.shape[1])
        ]
    ).double()
    share = counts / counts.sum(dim=1, keepdim=True)
    levels = torch.arange(256, dtype=torch.float64) / 255
    mean = share @ levels
    variance = (share * (levels - mean[:, None]) ** 2).sum(dim=1)
    return mean.tolist(), variance.sqrt().clamp_min(1e-6).tolist()


def _assemble(
    name: str,
    task: Task,
    n_outputs: int,
    inputs: Tensor,
    targets: Tensor,
    ids: dict[PartName, Tensor],
    transform: Normalise | None = None,
) -> SupervisedData:
    if missing := [part for part, rows in ids.items() if not len(rows)]:
        raise DataError(
            f"{name} leaves no examples for the {missing[0]} part; its classes need at least 4 each"
        )
    more = {} if transform is None else {"transform": transform}
    parts = {part: Examples(inputs[rows], targets[rows], **more) for part, rows in ids.items()}
    return SupervisedData(name, task, n_outputs, parts["train"], parts["val"], parts["test"])
