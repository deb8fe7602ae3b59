"""What lies in a source and was not read: counted and named, so that silence means nothing."""

import os
from collections.abc import Iterator, Set
from pathlib import Path

from fewshot_bench.data.notices import Notice, Tally, noticed
from fewshot_bench.data.readers.common import IMAGE_SUFFIXES
from fewshot_bench.data.walk import is_junk

FOLDERS = "folders passed over"
IMAGES = "images passed over"
OTHERS = "files with the suffix {} passed over"
TEXTS = "files with the suffix {} without images"
TEXT_SUFFIXES = {".csv", ".json", ".md", ".tsv", ".txt"}  # of lists, too, which a reader may follow


def leftovers(root: Path, read: Set[Path]) -> list[Notice]:
    """Compare the files below a folder with those that were read.

    Args:
        root: the source's folder.
        read: files that were read, as paths below ``root``.

    Returns:
        A notice for whole folders, one for images beside those that were read, and one for each
        other suffix; names are relative to ``root``. Empty if all files were read.
    """
    busy = {folder for file in read for folder in file.parents}
    left = list(_unread(root, read, busy))
    whole = [f"{path.relative_to(root).as_posix()}/" for path, is_folder in left if is_folder]
    tally = Tally()
    for path in (path for path, is_folder in left if not is_folder):
        suffix = path.suffix.lower()
        tally.add(_words(suffix), path.relative_to(root).as_posix())
    return [*noticed(FOLDERS, whole), *tally.notices()]


def _words(suffix: str) -> str:
    if suffix in IMAGE_SUFFIXES:
        return IMAGES
    return (TEXTS if suffix in TEXT_SUFFIXES else OTHERS).format(suffix or "''")


def _unread(root: Path, read: Set[Path], busy: Set[Path]) -> Iterator[tuple[Path, bool]]:
    """Unread files in folders of which something was read, and folders of which nothing was."""
    with os.scandir(root) as entries:
        found = sorted((entry.name, entry.is_dir()) for entry in entries if not is_junk(entry.name))
    for name, is_folder in found:
        path = root / name
        if not is_folder and path not in read:
            yield path, False
        elif is_folder and path not in busy and _holds_files(path):
            yield path, True
        elif is_folder and path in busy:
            yield from _unread(path, read, busy)


def _holds_files(folder: Path) -> bool:
    """Whether there is any file below; empty folders hide nothing."""
    return any(any(not is_junk(file) for file in files) for _, _, files in os.walk(folder))
