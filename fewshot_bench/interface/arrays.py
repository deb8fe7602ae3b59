"""Data that are in memory already: arrays of images with labels and a split."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.benchmark import SPLITS
from fewshot_bench.data.split import RandomSplit
from fewshot_bench.data.store import ImageStore, Manifest, fingerprint, pixel_hash
from fewshot_bench.errors import DataError
from fewshot_bench.files import sha256
from fewshot_bench.interface.data import Data, of_store

SplitOfClass = Mapping[str, str] | RandomSplit


def from_arrays(
    images: Any, labels: Sequence[Any], split: SplitOfClass, *, name: str = "arrays"
) -> Data:
    """Images in memory as a benchmark.

    Args:
        images: uint8 (n, H, W), (n, H, W, C) or (n, C, H, W), numpy or torch, H = W, C 1 or 3.
        labels: n class names or numbers.
        split: ``train``, ``val`` or ``test`` for each class name, classes that are not in it are
            left out; or a rule of :func:`fewshot_bench.api.random_split`.
        name: how results call the data.

    Raises:
        DataError: shapes or types do not fit, or no class is in a split.
    """
    pixels = _channels_last(np.asarray(images))
    names = np.asarray([str(label) for label in labels])
    if len(names) != len(pixels):
        raise DataError(f"{len(pixels)} images, but {len(names)} labels")
    split_of = split(names.tolist()) if isinstance(split, RandomSplit) else split
    classes: dict[str, dict[str, int]] = {part: {} for part in SPLITS}
    rows: list[NDArray[np.int64]] = []
    for part in SPLITS:
        for label in sorted(c for c in set(names.tolist()) if split_of.get(c) == part):
            members = np.flatnonzero(names == label)
            classes[part][label] = len(members)
            rows.append(members)
    if not rows:
        raise DataError("no class of the labels is in the split; its keys are class names")
    order = np.concatenate(rows)
    lines = [f"{names[row]}\t{row}\t{pixel_hash(pixels[row])}" for row in order]
    return of_store(_store(name, pixels[order], classes, lines))


def _channels_last(images: NDArray[Any]) -> NDArray[np.uint8]:
    """uint8 (n, H, W, C)."""
    if images.dtype != np.uint8:
        raise DataError(f"images are uint8 arrays from 0 to 255, not {images.dtype}")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim == 4 and images.shape[-1] not in (1, 3) and images.shape[1] in (1, 3):
        images = images.transpose(0, 2, 3, 1)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.shape[1] != images.shape[2]:
        raise DataError(f"images are (n, H, W, C) with H = W and 1 or 3 channels: {images.shape}")
    return cast("NDArray[np.uint8]", images)


def _store(
    name: str, pixels: NDArray[np.uint8], classes: dict[str, dict[str, int]], lines: list[str]
) -> ImageStore:
    flat = pixels.reshape(-1, pixels.shape[-1])
    mean, std = flat.mean(axis=0) / 255, flat.std(axis=0) / 255
    manifest = Manifest(
        benchmark=name,
        image_size=pixels.shape[1],
        channels=pixels.shape[-1],
        mean=tuple(map(float, mean)),
        std=tuple(float(max(s, 1e-3)) for s in std),
        rotations=False,
        layout="arrays",
        preprocessing={},
        classes=classes,
        fingerprint=fingerprint(lines, 0, sum(map(len, classes.values()))),
        raw_sha256=sha256(np.ascontiguousarray(pixels).tobytes()),
        skipped=[],
        missing=[],
    )
    images = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    return ImageStore(Path(), manifest, images)
