"""What many data sets of photographs share: folders of classes, and no official few-shot split."""

import collections
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fewshot_bench.data.benchmark import Benchmark, ClassSource, ImageItem, Layout
from fewshot_bench.data.readers.common import file_item, image_files, image_names, subfolders
from fewshot_bench.data.readers.names import plain

NameOf = Callable[[str], str | None]
Folders = Mapping[str, Sequence[Path]]
Items = Callable[[Path, Sequence[Path]], list[ImageItem]]
MEAN = (0.485, 0.456, 0.406)  # ImageNet's, as usual for photographs
STD = (0.229, 0.224, 0.225)


def photographs(name: str, n_classes: int, layouts: Iterable[Layout], **facts: Any) -> Benchmark:
    """A benchmark of 84 pixels in colour whose classes are split at random.

    Args:
        name: registered name.
        n_classes: how many classes the whole data set has.
        layouts: those that are read.
        facts: further fields of the benchmark.
    """
    facts = {"image_size": 84, "channels": 3, "mean": MEAN, "std": STD, **facts}
    return Benchmark(name, layouts=tuple(layouts), n_classes=n_classes, **facts)


def class_layouts(
    title: str,
    name_of: NameOf,
    places: Sequence[str] = (),
    items: Items | None = None,
) -> list[Layout]:
    """The layout ``<class>/<image>``, also below folders called train, val, test and the like.

    The folders of classes may be given themselves. They are looked for last, since copies of the
    images in grey or as masks often lie in folders of the same names.

    Data sets that are split by image (train/ and test/ hold the same classes) are put together,
    since few-shot learning splits by class.

    Args:
        title: see :class:`Layout`.
        name_of: a folder's name -> the class, or None where it is no class.
        places: in which folders they lie as the data are published.
        items: lists the images of a class, given the source and the class's folders.
    """
    listed = items or merged_items
    published = [_layout(title, name_of, places, listed)] if places else []
    return [*published, _layout(title, name_of, (".",), listed, last_resort=True)]


def _layout(
    title: str, name_of: NameOf, places: Sequence[str], items: Items, *, last_resort: bool = False
) -> Layout:
    def find(path: Path) -> Folders:
        every = (class_folders(path / place, name_of) for place in places)
        return next((folders for folders in every if len(folders) > 1), {})

    def scan(path: Path) -> list[ClassSource]:
        return [
            ClassSource(name, None, functools.partial(items, path, folders))
            for name, folders in find(path).items()
        ]

    return Layout(title, lambda path: bool(find(path)), scan, last_resort)


def class_folders(root: Path, name_of: NameOf) -> dict[str, list[Path]]:
    """Class -> its folders with images, in ``root`` and in its parts (train/, val/, test/)."""
    parts = [root / name for name in subfolders(root) if plain(name)]
    found: dict[str, list[Path]] = {}
    for folder in (root, *parts):
        for child in subfolders(folder):
            if (name := name_of(child)) is not None and image_names(folder / child):
                found.setdefault(name, []).append(folder / child)
    return found


def merged_items(root: Path, folders: Sequence[Path]) -> list[ImageItem]:
    """Images of a class with one folder or several, keyed by file name without suffix.

    Where two images of the class would have one key, both have their path below ``root``.
    """
    files = [folder / name for folder in folders for name in image_files(folder)]
    counts = collections.Counter(file.stem for file in files)
    return [
        file_item(f, f.stem if counts[f.stem] == 1 else f.relative_to(root).as_posix())
        for f in files
    ]


def numbered(fewest: int, most: int, width: int) -> NameOf:
    """Classes whose folders are called by numbers, with zeros in front or without.

    >>> numbered(1, 102, 3)("7"), numbered(1, 102, 3)("103")
    ('007', None)
    """

    def name_of(folder: str) -> str | None:
        right = folder.isascii() and folder.isdecimal() and fewest <= int(folder) <= most
        return f"{int(folder):0{width}d}" if right else None

    return name_of


def listed_classes(images: Mapping[Path, str]) -> list[ClassSource]:
    """Classes of a list, from file -> class; a missing file is reported when it is read."""
    files: dict[str, list[Path]] = {}
    for file, name in images.items():
        files.setdefault(name, []).append(file)
    return [
        ClassSource(name, None, functools.partial(_files, found)) for name, found in files.items()
    ]


def _files(found: Sequence[Path]) -> list[ImageItem]:
    return [file_item(file, file.stem) for file in found]
