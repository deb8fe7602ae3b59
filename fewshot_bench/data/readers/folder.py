"""Anybody's images: ``train|val|test/<class>/<image>``, or a CSV with path, class and split."""

import csv
import difflib
import functools
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from fewshot_bench.data.benchmark import (
    SPLITS,
    Benchmark,
    ClassSource,
    ImageItem,
    Layout,
    SplitName,
)
from fewshot_bench.data.readers.common import (
    file_item,
    folder_class,
    image_names,
    stems,
    subfolders,
)
from fewshot_bench.errors import DataError

_ALIASES = {
    "training": "train",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "testing": "test",
}
_COLUMNS = ("path", "class", "split")


def _is_csv(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() == ".csv"


def _scan_tree(root: Path) -> list[ClassSource]:
    names = subfolders(root)
    for name in names:
        if name not in SPLITS and (meant := _meant(name)) and not (root / meant).is_dir():
            raise DataError(f"{root}: a split is called {name!r}; rename that folder to {meant!r}")
    if not set(names) & set(SPLITS):
        raise DataError(
            f"{root} has no train/, val/ or test/ folder; expected is"
            " train|val|test/<class>/<image>, or a CSV file with columns path,class,split"
        )
    classes = [(s, name) for s in SPLITS for name in subfolders(root / s)]
    if not classes:
        raise DataError(f"{root} has no class folders in train/, val/ or test/")
    if empty := [f"{s}/{name}" for s, name in classes if not image_names(root / s / name)]:
        raise DataError(
            f"{root}: {len(empty)} class folders hold no images, the first is {empty[0]};"
            " remove them or add images"
        )
    return [folder_class(name, split, root / split / name) for split, name in classes]


def _meant(name: str) -> str:
    """The split that a folder or a cell probably means, or ""."""
    lower = name.strip().lower()
    close = difflib.get_close_matches(lower, SPLITS, n=1, cutoff=0.75)
    return _ALIASES.get(lower) or (close[0] if close else "")


def _scan_csv(path: Path) -> list[ClassSource]:
    classes: dict[tuple[SplitName, str], list[str]] = {}
    for file, name, split in _rows(path):
        classes.setdefault((split, name), []).append(file)
    if not classes:
        raise DataError(f"{path} lists no images")
    return [
        ClassSource(name, split, functools.partial(_csv_items, path.parent, files))
        for (split, name), files in classes.items()
    ]


def _csv_items(root: Path, files: list[str]) -> list[ImageItem]:
    keys = stems(Path(file).name for file in files)
    if len(set(keys)) < len(keys):  # same file name in two folders: only the whole path tells them
        keys = files
    return [file_item(root / file, key) for file, key in zip(files, keys, strict=True)]


def _rows(path: Path) -> Iterator[tuple[str, str, SplitName]]:
    """Path, class and split of every line, checked."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if lacking := [c for c in _COLUMNS if c not in (reader.fieldnames or ())]:
                raise DataError(f"{path} lacks the column {lacking[0]!r}; needed: path,class,split")
            seen: set[str] = set()
            for row in reader:
                image, name, split = _row(path, reader.line_num, row)
                if (place := os.path.normpath(image)) in seen:
                    raise DataError(f"{path}, line {reader.line_num}: {image} is there twice")
                seen.add(place)
                yield image, name, split
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} can't be read as CSV: {error}") from error


def _row(path: Path, line: int, row: dict[str, str | None]) -> tuple[str, str, SplitName]:
    file, name, split = ((row[column] or "").strip() for column in _COLUMNS)
    if not file or not name:
        raise DataError(f"{path}, line {line}: path or class is empty")
    if split not in SPLITS:
        hint = f"did you mean {meant!r}?" if (meant := _meant(split)) else "known: train, val, test"
        raise DataError(f"{path}, line {line}: unknown split {split!r}; {hint}")
    if Path(file).is_absolute():
        raise DataError(f"{path}, line {line}: {file!r} must be relative to the CSV file")
    return file, name, split


def listing(source: Path) -> str:
    """SHA-256 over path, size and time of change of every image: tells whether to read again.

    Raises:
        DataError: the source can't be listed.
    """
    digest = hashlib.sha256()
    try:
        for name, path in _files(source):
            digest.update(f"{name}\t{_facts(path)}\n".encode())
    except OSError as error:
        raise DataError(f"{error.filename or source} can't be read: {error.strerror}") from error
    return digest.hexdigest()


def _facts(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:  # a missing file is reported, with its name, when it is read
        return "missing"
    return f"{facts.st_size}\t{facts.st_mtime_ns}"


def _files(source: Path) -> Iterator[tuple[str, Path]]:
    if source.is_file():
        yield source.name, source
        if _is_csv(source):
            yield from sorted({file: source.parent / file for file, *_ in _rows(source)}.items())
        return
    for split in SPLITS:
        for name in subfolders(source / split):
            folder = source / split / name
            for image in image_names(folder):
                yield os.fspath(Path(split, name, image)), folder / image


FOLDER = Benchmark(
    name="folder",
    image_size=84,
    channels=3,
    mean=(0.485, 0.456, 0.406),  # ImageNet's, as usual for photographs
    std=(0.229, 0.224, 0.225),
    layouts=(
        Layout("CSV file with columns path,class,split", _is_csv, _scan_csv),
        Layout("train|val|test/<class>/<image>", Path.is_dir, _scan_tree),
    ),
    howto="use folder:PATH, where PATH holds train|val|test/<class>/<image> or is such a CSV file",
)
