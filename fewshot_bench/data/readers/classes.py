"""A folder for each class, and no folder for the splits."""

from collections.abc import Mapping
from pathlib import Path

from fewshot_bench.data.benchmark import ClassSource
from fewshot_bench.data.notices import counted
from fewshot_bench.data.readers.common import folder_class, image_files, subfolders
from fewshot_bench.data.readers.tables import class_splits
from fewshot_bench.data.split import SplitName
from fewshot_bench.errors import DataError

SPLIT_FILE = "split.csv"


def class_folders(root: Path) -> list[ClassSource]:
    """The folders that hold images, themselves or deeper, each a class.

    Their splits are those of ``split.csv`` (columns class and split), if it is there.

    Raises:
        DataError: ``split.csv`` lacks a class that is there, or has a mistake.
    """
    names = class_names(root)
    chosen = _chosen(root / SPLIT_FILE, names)
    return [folder_class(name, chosen.get(name), root / name) for name in names]


def class_names(root: Path) -> list[str]:
    """Names of the folders that hold images; raises DataError if ``root`` is no folder."""
    if not root.is_dir():
        raise DataError(f"{root} is no folder")
    return [name for name in subfolders(root) if image_files(root / name)]


def _chosen(file: Path, names: list[str]) -> Mapping[str, SplitName]:
    if not file.is_file():
        return {}
    splits = class_splits(file)
    if lacking := [name for name in names if name not in splits]:
        raise DataError(
            f"{file} lacks {counted(len(lacking), 'classes')} of the folder, the first is"
            f" {lacking[0]}; add what is lacking, or write it anew with fsbench data split"
        )
    return splits
