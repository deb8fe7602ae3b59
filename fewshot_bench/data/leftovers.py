"""What lies in a source and was not read: counted and named, so that silence means nothing."""

import os
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from fewshot_bench.data.notices import Notice, Tally, noticed
from fewshot_bench.data.readers.common import IMAGE_SUFFIXES
from fewshot_bench.data.walk import is_junk

FOLDERS = "folders passed over"
IMAGES = "images passed over"
OTHERS = "files with the suffix {} passed over"
TEXTS = "files with the suffix {} without images"
TEXT_SUFFIXES = {".csv", ".json", ".md", ".tsv", ".txt"}  # of lists, too, which a reader may follow


def leftovers(root: Path, read: Set[str]) -> list[Notice]:
    """Compare the files below a folder with those that were read.

    Args:
        root: the source's folder.
        read: files that were read, as paths below ``root``.

    Returns:
        A notice for whole folders, one for images beside those that were read, and one for each
        other suffix; names are relative to ``root``. Empty if all files were read.
    """
    read = set(map(_as_path, read))
    left = list(_unread(str(root), "", read, _busy(read)))
    whole = [name for name in left if name.endswith("/")]
    tally = Tally()
    for name in (name for name in left if not name.endswith("/")):
        tally.add(_words(Path(name).suffix.lower()), name)
    return [*noticed(FOLDERS, whole), *tally.notices()]


def _words(suffix: str) -> str:
    if suffix in IMAGE_SUFFIXES:
        return IMAGES
    return (TEXTS if suffix in TEXT_SUFFIXES else OTHERS).format(suffix or "''")


def _as_path(text: str) -> str:
    """As ``str(Path(text))``, which is slow for millions."""
    odd = os.sep != "/" or text.startswith("./") or "/." in text or "//" in text
    return str(Path(text)) if odd else text


def _busy(read: Iterable[str]) -> set[str]:
    """Folders of which something was read, at any depth."""
    direct = set(map(os.path.dirname, read))
    return direct | {str(folder) for place in direct for folder in Path(place).parents}


def _unread(folder: str, prefix: str, read: Set[str], busy: Set[str]) -> Iterator[str]:
    """Unread files in folders of which something was read, and, with a slash, unread folders."""
    with os.scandir(folder) as entries:
        found = sorted((entry.name, entry.is_dir()) for entry in entries if not is_junk(entry.name))
    for name, is_folder in found:
        path = _as_path(f"{folder}/{name}")
        if not is_folder and path not in read:
            yield f"{prefix}{name}"
        elif is_folder and path in busy:
            yield from _unread(path, f"{prefix}{name}/", read, busy)
        elif is_folder and _holds_files(path):
            yield f"{prefix}{name}/"


def _holds_files(folder: str) -> bool:
    """Whether there is any file below; empty folders hide nothing."""
    return any(any(not is_junk(file) for file in files) for _, _, files in os.walk(folder))
