"""Images that a table or a JSON file lists, with their classes and perhaps their splits."""

import functools
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.data.benchmark import ClassSource, ImageItem, SplitName
from fewshot_bench.data.readers.common import file_item, stems
from fewshot_bench.data.readers.names import plain, read_split
from fewshot_bench.data.readers.tables import (
    SUFFIXES,
    Row,
    has_images,
    is_json_list,
    is_table,
    json_rows,
    read_json,
    rows,
)
from fewshot_bench.errors import DataError

LONGEST_PATH = 4096  # characters


@dataclass(frozen=True)
class Listed:
    """One image of a list, checked.

    Attributes:
        name: of the class.
        split: None where the list does not tell.
        key: its path as the list has it, with slashes; never absolute.
        path: the file.
    """

    name: str
    split: SplitName | None
    key: str
    path: Path


def is_list(path: Path) -> bool:
    """Whether ``path`` is a table or JSON list, or a folder that holds one or one per split."""
    return is_table(path) or _is_json(path) or bool(lists_in(path))


def lists_in(folder: Path) -> dict[Path, SplitName | None]:
    """The lists in a folder, each with the split that its name says.

    These are files for at least two splits (``train.csv``, ``val.csv``, ``test.csv``, or
    ``base.json``, ``novel.json``), or else the only file with columns for images and classes.
    """
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if e.name.lower().endswith((*SUFFIXES, ".json")))
    files = [f for f in (folder / name for name in names) if is_table(f) or _is_json(f)]
    lists = [file for file in files if _is_json(file) or has_images(file)]
    named = {file: plain(file.stem) for file in lists if plain(file.stem)}
    if len(set(named.values())) >= 2:
        return dict(named)
    return {lists[0]: None} if len(lists) == 1 else {}


def scan_list(path: Path) -> list[ClassSource]:
    """Classes of a list, or of the lists in a folder.

    Raises:
        DataError: a list has a mistake.
    """
    classes: dict[tuple[SplitName | None, str], list[Listed]] = {}
    for image in images(path):
        classes.setdefault((image.split, image.name), []).append(image)
    if not classes:
        raise DataError(f"{path} lists no images")
    return [
        ClassSource(name, split, functools.partial(_items, found))
        for (split, name), found in classes.items()
    ]


def images(path: Path) -> Iterator[Listed]:
    """Every image of a list, or of the lists in a folder."""
    lists = lists_in(path) if path.is_dir() else {path: _split_of(path)}
    seen: set[str] = set()
    for file, split in lists.items():
        for image, line in _checked(file, split):
            if (place := os.path.normpath(image.path)) in seen:
                raise DataError(f"{file}, line {line}: {image.key} is listed twice")
            seen.add(place)
            yield image


def _split_of(file: Path) -> SplitName | None:
    return plain(file.stem) if file.suffix.lower() == ".json" else None


def _is_json(path: Path) -> bool:
    if not path.is_file() or path.suffix.lower() != ".json":
        return False
    try:
        return is_json_list(read_json(path))
    except DataError:
        return False


def _checked(file: Path, split: SplitName | None) -> Iterator[tuple[Listed, int]]:
    read = list(json_rows(file) if file.suffix.lower() == ".json" else rows(file))
    base = _base(file.parent, read)
    for row in read:
        where = f"{file}, line {row.line}"
        if not row.path or not row.name:
            raise DataError(f"{where}: path or class is empty")
        if "\0" in row.path or len(row.path) > LONGEST_PATH:
            raise DataError(f"{where}: the path can't be that of a file: {row.path[:40]!a}")
        key, path = _place(file.parent, row.path, base, where)
        told = split if row.split is None else read_split(row.split, where)
        yield Listed(row.name, told, key, path), row.line


def _place(root: Path, text: str, base: tuple[str, ...], where: str) -> tuple[str, Path]:
    """Key and path of an image; the path may not exist, which is reported when it is read."""
    parts = _parts(text)
    if not _is_absolute(text):
        return _found(root, text)
    if base and parts[: len(base)] == base:
        inner = "/".join(parts[len(base) :])
        return inner, root / inner
    if Path(text).exists():
        return "/".join(parts[1:]), Path(text)
    raise DataError(
        f"{where}: there is no {text!r} here; paths must be relative to the CSV file or lead to"
        " images of this machine"
    )


def _base(root: Path, read: Iterable[Row]) -> tuple[str, ...]:
    """What absolute paths of another machine begin with, if the rest lies below ``root``."""
    for row in read:
        if _is_absolute(row.path) and not Path(row.path).exists():
            parts = _parts(row.path)
            for cut in range(1, len(parts)):
                if root.joinpath(*parts[cut:]).is_file():
                    return parts[:cut]
    return ()


def _found(root: Path, text: str) -> tuple[str, Path]:
    """A relative path as it is written, with slashes, or in one of Unicode's two usual forms."""
    slashed = text.replace("\\", "/")
    forms = (text, slashed, *(unicodedata.normalize(f, slashed) for f in ("NFC", "NFD")))
    for name in dict.fromkeys(forms):
        for folder in (str(root), f"{root}/images"):  # as text: paths are slow to make by millions
            if os.path.exists(f"{folder}/{name}"):  # noqa: PTH110
                return name, Path(folder, name)
    return slashed, root / slashed


def _is_absolute(text: str) -> bool:
    return text.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[\\/]", text) is not None


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[\\/]", text))


def _items(found: list[Listed]) -> list[ImageItem]:
    keys: list[str] = stems(Path(image.key).name for image in found)
    if len(set(keys)) < len(keys):  # same file name in two folders: only the whole path tells them
        keys = [image.key for image in found]
    return [file_item(image.path, key) for image, key in zip(found, keys, strict=True)]
