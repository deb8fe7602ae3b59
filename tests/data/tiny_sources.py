"""Tiny data sets in every layout, made in a moment."""

import io
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fewshot_bench.data.benchmark import SPLITS, Benchmark
from fewshot_bench.data.prepare import Options, prepare
from fewshot_bench.data.store import ImageStore

Pixels = NDArray[np.uint8]


def picture(seed: int, size: int = 12, channels: int = 3) -> Pixels:
    """An image that no other seed has."""
    shape = (size, size, 3) if channels == 3 else (size, size)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def write(path: Path, data: bytes | Pixels) -> Path:
    """Write a file, a PNG image if pixels are given, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else png(data))
    return path


def write_pickle(path: Path, value: Any, protocol: int = 4) -> Path:
    return write(path, pickle.dumps(value, protocol=protocol))


def folder_tree(root: Path, splits: Mapping[str, Sequence[str]] | None = None, n: int = 3) -> Path:
    """``<split>/<class>/<image>.png``."""
    splits = splits or {"train": ["ant", "bee"], "val": ["cat"], "test": ["dog", "elk"]}
    names = sorted(name for names in splits.values() for name in names)
    for split, classes in splits.items():
        for name in classes:
            for i in range(n):
                write(root / split / name / f"{i:02d}.png", picture(100 * names.index(name) + i))
    return root


def keys(store: ImageStore) -> list[str]:
    """Keys of all images, in id order."""
    lines = (store.folder / "images.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[1] for line in lines]


def class_names(store: ImageStore) -> list[str]:
    """Names of all classes, in id order."""
    return [name for split in SPLITS for name in store.manifest.classes[split]]


def prepared(benchmark: Benchmark, source: Path | None, folder: Path, **options: Any) -> ImageStore:
    """Prepare with the given options."""
    return prepare(benchmark, folder, source, Options(**options))
