"""Quick, Draw!: sketches of 345 kinds of things, 28x28 pixels, the first 1,000 of each kind.

Ha & Eck 2017 (arXiv 1704.03477). Classes are drawn at random, 60/20/20 %. The data have 50 million
sketches; a thousand of a class are more than episodes need.
"""

import functools
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.benchmark import Benchmark, ClassSource, ImageItem, Layout
from fewshot_bench.data.readers.common import array_items
from fewshot_bench.errors import DataError
from fewshot_bench.reading import require_regular

MOST = 1000
_SIDE = 28


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.npy")) if path.is_dir() else []


def _matches(path: Path) -> bool:
    return len(_files(path)) > 1


def _scan(path: Path) -> list[ClassSource]:
    return [
        ClassSource(_name(file), None, functools.partial(_items, file)) for file in _files(path)
    ]


def _name(file: Path) -> str:
    """``full_numpy_bitmap_aircraft%20carrier.npy`` -> ``aircraft carrier``."""
    return unquote(file.stem.removeprefix("full_numpy_bitmap_"))


def _items(file: Path) -> list[ImageItem]:
    drawings = _read(file)
    return array_items(list(drawings[:MOST]), range(min(MOST, len(drawings))))


def _read(file: Path) -> NDArray[np.uint8]:
    """Sketches of shape (n, 28, 28), white on black, read from the disk when they are looked at."""
    try:
        require_regular(file)
        rows = np.load(file, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged file makes NumPy raise almost anything
        raise DataError(f"{file} is truncated or damaged ({error}); fetch it again") from error
    if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != _SIDE**2:
        raise DataError(f"{file}: expected uint8 (n, 784), found {rows.dtype} {rows.shape}")
    drawings: NDArray[np.uint8] = rows.reshape(-1, _SIDE, _SIDE)
    return drawings


QUICKDRAW = Benchmark(
    name="quickdraw",
    image_size=_SIDE,
    channels=1,
    mean=(0.0,),
    std=(1.0,),
    layouts=(Layout(f"<class>.npy, the first {MOST:,} drawings of each", _matches, _scan),),
    n_classes=345,
    howto="fsbench data prepare quickdraw --source PATH with the numpy bitmaps, <class>.npy",
)
