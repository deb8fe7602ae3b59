"""Folders below a folder, without those that systems and programs leave behind."""

import os
from collections.abc import Iterator
from pathlib import Path

DEPTH = 6  # of folders inside folders; data lie no deeper in archives that people make
MOST = 20_000  # folders that are looked at
JUNK = ("__MACOSX", "Thumbs.db", "desktop.ini", ".DS_Store", ".gitkeep", ".directory")


def is_junk(name: str) -> bool:
    """Whether a file or folder is of no interest to anybody: macOS's and Windows's own."""
    return name in JUNK or name.startswith("._")


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder that are not hidden, sorted; [] if it is none itself."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(
            e.name
            for e in entries
            if not e.name.startswith(".") and not is_junk(e.name) and e.is_dir()
        )


def levels(root: Path, depth: int = DEPTH) -> Iterator[list[Path]]:
    """``root`` alone, then the folders in it, then those in these, and so on; each list sorted.

    Stops at ``depth`` levels, at the first level without folders, or after many folders.
    """
    level, seen = [root], 1
    while level and depth > 0 and seen <= MOST:
        yield level
        level = [folder / name for folder in level for name in subfolders(folder)]
        seen += len(level)
        depth -= 1


def folders(root: Path, depth: int = DEPTH) -> Iterator[Path]:
    """``root`` and the folders below it, the nearest first."""
    for level in levels(root, depth):
        yield from level
