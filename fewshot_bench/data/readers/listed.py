"""Images that a table or a JSON file lists, with their classes and perhaps their splits."""

import functools
import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator
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


@dataclass(frozen=True, slots=True)
class Listed:
    """One image of a list, checked; as small as can be, because lists are long.

    Attributes:
        name: of the class.
        split: None where the list does not tell.
        key: its path as the list has it, with slashes; never absolute.
        folder: where that path begins.
    """

    name: str
    split: SplitName | None
    key: str
    folder: str

    @property
    def path(self) -> str:
        """That of the file."""
        return f"{self.folder}/{self.key}"


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
    seen: set[bytes] = set()  # of digests, which are a third of the paths themselves
    for file, split in lists.items():
        for image, line in _checked(file, split):
            place = os.fsencode(os.path.normpath(image.path))
            if (place := hashlib.blake2b(place, digest_size=16).digest()) in seen:
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
    places = _Places(file)
    for row in _rows(file):
        where = f"{file}, line {row.line}"
        if not row.path or not row.name:
            raise DataError(f"{where}: path or class is empty")
        if "\0" in row.path or len(row.path) > LONGEST_PATH:
            raise DataError(f"{where}: the path can't be that of a file: {row.path[:40]!a}")
        folder, key = places.of(row.path, where)
        told = split if row.split is None else read_split(row.split, where)
        yield Listed(row.name, told, key, folder), row.line


def _rows(file: Path) -> Iterator[Row]:
    return json_rows(file) if file.suffix.lower() == ".json" else rows(file)


class _Places:
    """Where the images of a list lie.

    Args:
        file: the list.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._root = file, file.parent
        self._folders = str(self._root), f"{self._root}/images"

    def of(self, text: str, where: str) -> tuple[str, str]:
        """Folder of an image and its path in it; it may not exist, which is told when it is read.

        Raises:
            DataError: the path is absolute, and leads to no image.
        """
        if not _is_absolute(text):
            return self._found(text)
        parts = _parts(text)
        if self._base and parts[: len(self._base)] == self._base:
            return self._folders[0], "/".join(parts[len(self._base) :])
        if os.path.exists(text):  # noqa: PTH110 - paths are slow to make by millions
            return ("", text[1:]) if text[0] == "/" else (parts[0], "/".join(parts[1:]))
        raise DataError(
            f"{where}: there is no {text!r} here; paths must be relative to the CSV file or lead to"
            " images of this machine"
        )

    @functools.cached_property
    def _base(self) -> tuple[str, ...]:
        """What absolute paths of another machine begin with, if the rest lies below the root."""
        for row in _rows(self._file):
            if _is_absolute(row.path) and not Path(row.path).exists():
                parts = _parts(row.path)
                for cut in range(1, len(parts)):
                    if self._root.joinpath(*parts[cut:]).is_file():
                        return parts[:cut]
        return ()

    def _found(self, text: str) -> tuple[str, str]:
        """A relative path as it is written, with slashes, or in one of Unicode's usual forms."""
        slashed = text.replace("\\", "/")
        forms = [text] if slashed == text else [text, slashed]
        if not text.isascii():
            forms += [unicodedata.normalize(form, slashed) for form in ("NFC", "NFD")]
        for name in forms:
            for folder in self._folders:
                if os.path.exists(f"{folder}/{name}"):  # noqa: PTH110
                    return folder, name
        return self._folders[0], slashed


def _is_absolute(text: str) -> bool:
    return text.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[\\/]", text) is not None


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[\\/]", text))


def _items(found: list[Listed]) -> list[ImageItem]:
    keys: list[str] = stems(image.key.rpartition("/")[2] for image in found)
    if len(set(keys)) < len(keys):  # same file name in two folders: only the whole path tells them
        keys = [image.key for image in found]
    return [file_item(image.path, key) for image, key in zip(found, keys, strict=True)]
