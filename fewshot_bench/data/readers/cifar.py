"""CIFAR-FS and FC100: the 100 classes of CIFAR-100, 600 images each, split in two ways.

CIFAR-FS: Bertinetto et al. 2019 (arXiv 1805.08136). FC100: Oreshkin et al. 2018 (arXiv 1805.10123),
split by superclass. Normalisation constants are those of MetaOptNet's code (Lee et al. 2019).
"""

import collections
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data import splits
from fewshot_bench.data.benchmark import SPLITS, Benchmark, ClassSource, Download, ImageItem, Layout
from fewshot_bench.data.pickles import load_pickle
from fewshot_bench.data.readers.common import IMAGE_SUFFIXES, file_item, first_folder, image_names
from fewshot_bench.data.readers.hdf5 import has_whole, scan_whole
from fewshot_bench.data.readers.labelled import is_there, labelled_classes
from fewshot_bench.errors import DataError

_DEPTH = 4


def _original(path: Path) -> Path | None:
    """Folder with the files train, test and meta; ``path`` may be it or its parent."""
    places = (".", "cifar-100-python", "cifar100/cifar-100-python")
    return first_folder(path, places, lambda p: (p / "meta").is_file() and (p / "train").is_file())


def _scan_original(official: Callable[[], splits.Classes], path: Path) -> list[ClassSource]:
    folder = _original(path) or path
    read = functools.cache(lambda: _read_original(folder))
    present = set(_names(folder))
    return [
        ClassSource(name, split, functools.partial(_original_items, read, name))
        for name, split in official().items()
        if name in present
    ]


def _original_items(read: Callable[[], dict[str, list[ImageItem]]], name: str) -> list[ImageItem]:
    return read().get(name, [])


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(map(_text, _field(folder / "meta", "fine_label_names")))


def _read_original(folder: Path) -> dict[str, list[ImageItem]]:
    """Class -> its 600 images, those of both files, keyed by CIFAR's own file names."""
    names = _names(folder)
    classes: dict[str, list[tuple[str, NDArray[np.uint8]]]] = collections.defaultdict(list)
    for part in ("train", "test"):
        content = load_pickle(folder / part)
        images = _field(folder / part, "data", content).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        files = _field(folder / part, "filenames", content)
        for image, file, label in zip(
            images, files, _field(folder / part, "fine_labels", content), strict=True
        ):
            classes[names[label]].append((Path(_text(file)).stem, image))
    return {name: _unique(images) for name, images in classes.items()}


def _unique(images: Sequence[tuple[str, NDArray[np.uint8]]]) -> list[ImageItem]:
    """Items with unique keys: the second image of a name in the class gets ``~2``, and so on."""
    seen: collections.Counter[str] = collections.Counter()
    items = []
    for key, image in images:
        seen[key] += 1
        unique = key if seen[key] == 1 else f"{key}~{seen[key]}"
        items.append(ImageItem(unique, functools.partial(np.ascontiguousarray, image)))
    return items


def _field(path: Path, name: str, content: Any = None) -> Any:
    content = load_pickle(path) if content is None else content
    if not isinstance(content, dict) or content.get(name) is None:
        raise DataError(f"{path} is no file of CIFAR-100: it has no {name!r}")
    return content[name]


def _text(value: str | bytes) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else value


def _holds_classes(path: Path) -> bool:
    return len({folder.name for folder in _class_folders(path)}) >= 2


def _scan_folders(official: Callable[[], splits.Classes], path: Path) -> list[ClassSource]:
    folders: dict[str, list[Path]] = {}
    for folder in _class_folders(path):
        folders.setdefault(folder.name, []).append(folder)
    return [
        ClassSource(name, official()[name], functools.partial(_folder_items, path, found))
        for name, found in folders.items()
    ]


def _class_folders(path: Path, depth: int = _DEPTH) -> Iterator[Path]:
    """Folders named like a class that hold images themselves.

    The images tell the class ``train`` (the vehicle) from a split's folder of that name.
    """
    if not path.is_dir():
        return
    children = []
    with os.scandir(path) as entries:
        children = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    for name in children:
        if name in splits.cifar_fs() and _has_image(path / name):
            yield path / name
        elif depth > 1:
            yield from _class_folders(path / name, depth - 1)


def _has_image(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(entry.name.lower().endswith(IMAGE_SUFFIXES) for entry in entries)


def _folder_items(root: Path, folders: list[Path]) -> list[ImageItem]:
    """Images of a class; where it has two folders (CIFAR's train/ and test/), both are taken."""
    files = [folder / name for folder in folders for name in image_names(folder)]
    counts = collections.Counter(file.stem for file in files)
    return [
        file_item(f, f.stem if counts[f.stem] == 1 else f.relative_to(root).as_posix())
        for f in files
    ]


def _benchmark(name: str, title: str, official: Callable[[], splits.Classes]) -> Benchmark:
    files = {split: f"{title}_{split}.pickle" for split in SPLITS}
    return Benchmark(
        name=name,
        image_size=32,
        channels=3,
        mean=(0.5074, 0.4867, 0.4411),
        std=(0.2675, 0.2566, 0.2763),
        layouts=(
            Layout(
                "cifar-100-python/ (train, test, meta)",
                lambda path: _original(path) is not None,
                functools.partial(_scan_original, official),
            ),
            Layout(
                f"MetaOptNet's {title}_{{train,val,test}}.pickle",
                functools.partial(is_there, files),
                functools.partial(labelled_classes, files, official),
            ),
            Layout(
                "torchmeta's data.hdf5 (<superclass>/<class>)",
                has_whole,
                functools.partial(scan_whole, official),
            ),
            Layout(
                "class folders (<class>/*.png, also below data/ or train|val|test/)",
                _holds_classes,
                functools.partial(_scan_folders, official),
            ),
        ),
        official=official,
        downloads=(
            Download(
                "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
                "md5:eb9058c3a382ffc7106e4002c42a8d85",
                169001437,
            ),
        ),
        howto=(
            f"fsbench data prepare {name} (downloads 169 MB), or fsbench data prepare {name}"
            " --source PATH with cifar-100-python/, class folders, MetaOptNet's pickles or"
            " torchmeta's data.hdf5"
        ),
    )


CIFAR_FS = _benchmark("cifar-fs", "CIFAR_FS", splits.cifar_fs)
FC100 = _benchmark("fc100", "FC100", splits.fc100)
