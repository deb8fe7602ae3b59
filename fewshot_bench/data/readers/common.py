"""What several layouts share: image files in folders, classes that are read in their turn."""

import collections
import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from fewshot_bench.data.benchmark import SPLITS, ClassSource, ImageItem, SplitName
from fewshot_bench.data.walk import subfolders as subfolders
from fewshot_bench.errors import DataError
from fewshot_bench.reading import read_bytes

T = TypeVar("T")
LARGEST_IMAGE = 1 << 29  # bytes of an encoded image
IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".avif", ".bmp", ".dib"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".jp2", ".j2k", ".jpx", ".jpf"),
    *(".tga", ".pcx", ".sgi", ".rgb", ".bw", ".ras", ".ico", ".icns", ".dds", ".qoi", ".psd"),
    *(".im", ".msp", ".xbm", ".xpm"),
)


def image_names(folder: Path) -> list[str]:
    """Names of the image files in a folder, sorted, without hidden files and other suffixes."""
    with os.scandir(folder) as entries:
        return sorted(
            entry.name
            for entry in entries
            if entry.name.lower().endswith(IMAGE_SUFFIXES) and not entry.name.startswith(".")
        )


def image_files(folder: Path) -> list[str]:
    """Paths of the image files in a folder and the folders below it, relative to it and sorted.

    As torchvision's ImageFolder does; hidden folders and what systems leave behind are not entered.
    """
    files = list(image_names(folder))
    for name in subfolders(folder):
        files += [f"{name}/{file}" for file in image_files(folder / name)]
    return sorted(files)


def file_item(path: Path | str, key: str) -> ImageItem:
    """An image file, read when it is decoded."""
    path = str(path)
    return ImageItem(key, functools.partial(_read, path), path)


def _read(path: str) -> bytes:
    try:
        return read_bytes(path, LARGEST_IMAGE)
    except FileNotFoundError:
        raise ValueError("the file is missing") from None
    except OSError as error:
        raise ValueError(f"can't be read: {error.strerror or error}") from error


def stems(names: Iterable[str]) -> list[str]:
    """Keys of files: names without suffix, so that a copy of the data in PNG has the same keys.

    Where two files differ in nothing but the suffix, both keep it.
    """
    names = list(names)
    bare = list(map(_stem, names))
    counts = collections.Counter(bare)
    return [stem if counts[stem] == 1 else name for name, stem in zip(names, bare, strict=True)]


def _stem(name: str) -> str:
    """A path without suffix, as ``PurePosixPath.with_suffix("")``, which is slow for millions."""
    begin, dot = name.rfind("/") + 1, name.rfind(".")
    return name[:dot] if begin < dot < len(name) - 1 else name


def folder_items(folder: Path, key: Callable[[str], str] = str) -> list[ImageItem]:
    """All images of a folder and of those below, keys being their paths without suffix.

    Args:
        folder: that of one class.
        key: what to make of a path without suffix, where a benchmark has several names for a file.
    """
    names, place = image_files(folder), str(folder)
    return [
        file_item(os.path.join(place, name), key(stem))  # noqa: PTH118 - paths are slow by millions
        for name, stem in zip(names, stems(names), strict=True)
    ]


def folder_class(name: str, split: SplitName | None, folder: Path) -> ClassSource:
    """A class whose images are the files of one folder, listed when its turn comes."""
    return ClassSource(name, split, functools.partial(folder_items, folder))


def split_folders(
    root: Path,
    official: Mapping[str, SplitName],
    key: Callable[[str, str], str] = lambda _, stem: stem,
) -> list[ClassSource]:
    """Classes of ``train|val|test/<class>/``; folders that are no official class are passed over.

    Args:
        root: holds train/, val/ and test/.
        official: class -> split.
        key: what to make of a class's name and a file's name without suffix.

    Raises:
        DataError: a class lies in another split than the official one.
    """
    classes = []
    for split in SPLITS:
        for name in subfolders(root / split):
            if name not in official:
                continue
            if official[name] != split:
                raise DataError(
                    f"{root / split / name}: class {name} belongs to {official[name]},"
                    f" not to {split}; move it, or prepare it as folder:PATH"
                )
            named = functools.partial(key, name)
            items = functools.partial(folder_items, root / split / name, named)
            classes.append(ClassSource(name, split, items))
    return classes


def holds_split_folders(root: Path, official: Mapping[str, SplitName]) -> bool:
    """Whether val/ and test/ hold classes, and not those of train/ (as in a whole ILSVRC-2012)."""
    train, val, test = ({n for n in subfolders(root / s) if n in official} for s in SPLITS)
    return bool(val and test) and not (train & val)


def first_folder(root: Path, places: Sequence[str], wanted: Callable[[Path], bool]) -> Path | None:
    """The first of several places below ``root`` that is what we look for."""
    return next((root / place for place in places if wanted(root / place)), None)


def last_only(load: Callable[[SplitName], T]) -> Callable[[SplitName], T]:
    """Remember only the latest split, so that a source in big files holds one of them at a time."""
    kept: dict[SplitName, T] = {}

    def get(split: SplitName) -> T:
        if split not in kept:
            kept.clear()  # before the next is read, not after
            kept[split] = load(split)
        return kept[split]

    return get


def array_items(images: Sequence[T], ids: Iterable[int], width: int = 6) -> list[ImageItem]:
    """Images out of one array or list, keyed by their place in it."""
    return [ImageItem(f"{i:0{width}d}", functools.partial(images.__getitem__, i)) for i in ids]  # type: ignore[arg-type]
