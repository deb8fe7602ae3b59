"""torchmeta's HDF5 files: for each split one with a group ``datasets`` of a dataset per class.

A dataset holds uint8 images (n, H, W) or (n, H, W, 3), or n encoded files of different lengths.
CIFAR-100 is one file, ``data.hdf5``, with a group for each superclass. Needs h5py.
"""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fewshot_bench.data.benchmark import SPLITS, ClassSource, ImageItem, SplitName
from fewshot_bench.data.splits import Classes
from fewshot_bench.errors import DataError

FILES: dict[SplitName, str] = {split: f"{split}_data.hdf5" for split in SPLITS}
WHOLE = "data.hdf5"
Official = Callable[[], Classes]


def has_splits(path: Path) -> bool:
    """Whether a folder holds a file of one split at least."""
    return any((path / file).is_file() for file in FILES.values())


def scan_splits(official: Official, path: Path) -> list[ClassSource]:
    """Classes of the splits whose file is there.

    Raises:
        DataError: h5py is not installed, or a file has no group ``datasets``.
    """
    found = []
    for split in (split for split in SPLITS if (path / FILES[split]).is_file()):
        file = path / FILES[split]
        with _opened(file) as content:
            if "datasets" not in content:
                raise DataError(f"{file} is not as expected: it has no group 'datasets'")
            names = list(content["datasets"])
        for name in names:
            items = functools.partial(_items, file, f"datasets/{name}")
            found.append(ClassSource(name, split, items, named=name in official()))
    return found


def has_whole(path: Path) -> bool:
    """Whether a folder holds the one file of CIFAR-100."""
    return (path / WHOLE).is_file()


def scan_whole(official: Official, path: Path) -> list[ClassSource]:
    """The official classes that stand in any group of the file.

    Raises:
        DataError: h5py is not installed, or the file is damaged.
    """
    file, known = path / WHOLE, official()
    with _opened(file) as content:
        places = dict(_datasets(content))
    return [
        ClassSource(name, known[name], functools.partial(_items, file, place))
        for name, place in sorted(places.items())
        if name in known
    ]


def _datasets(group: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Name and place of each dataset at any depth."""
    for name, inner in group.items():
        place = f"{prefix}{name}"
        if hasattr(inner, "shape"):
            yield name, place
        else:
            yield from _datasets(inner, f"{place}/")


def _items(file: Path, place: str) -> list[ImageItem]:
    """Images of a class, keyed by their number."""
    with _opened(file) as content:
        images = content[place][()]
    encoded = images.ndim == 1
    if not encoded and (images.dtype != np.uint8 or images.ndim not in (3, 4)):
        raise DataError(f"{file}: {place} holds {images.dtype} of shape {images.shape}, not images")
    return [
        ImageItem(f"{number:05d}", functools.partial(_image, image, encoded))
        for number, image in enumerate(images)
    ]


def _image(image: Any, encoded: bool) -> Any:
    """The bytes of an encoded file, or an array (H, W) or (H, W, 3)."""
    if not encoded:
        return image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    return image if isinstance(image, bytes) else np.asarray(image, dtype=np.uint8).tobytes()


def _opened(file: Path) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise DataError(f"{file} needs h5py to be read: pip install h5py") from error
    try:
        return h5py.File(file, "r")
    except OSError as error:
        raise DataError(f"{file} can't be read as HDF5: {error}") from error
