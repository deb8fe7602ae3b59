"""ISIC 2018, task 3 (HAM10000): 10,015 photographs, 7 kinds of skin lesions, 115 to 6,705 of each.

Tschandl et al. 2018 (arXiv 1803.10417). All classes are for testing a model of another benchmark,
as in the cross-domain benchmark of Guo et al. 2020 (arXiv 1912.07200). As there, several images
may show one lesion.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from fewshot_bench.data.benchmark import ClassSource, Layout
from fewshot_bench.data.readers.common import image_files, subfolders
from fewshot_bench.data.readers.names import meant
from fewshot_bench.data.readers.photographs import listed_classes, photographs
from fewshot_bench.data.readers.tables import SUFFIXES, decoded, header
from fewshot_bench.data.split import RandomSplit
from fewshot_bench.errors import DataError

_KINDS = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


def _tables(path: Path) -> list[Path]:
    """Tables of training images with a column for each kind, or with image_id and dx."""
    if not path.is_dir():
        return []
    folders = (path, *(path / name for name in subfolders(path)))
    files = (f for folder in folders for f in sorted(folder.iterdir()) if _is_table(f))
    return [file for file in files if meant(file.stem) in (None, "train")]


def _is_table(file: Path) -> bool:
    if not file.name.lower().endswith(SUFFIXES) or not file.is_file():
        return False
    try:
        columns = set(header(decoded(file), ","))
    except DataError:
        return False
    return {"image", *_KINDS} <= columns or {"image_id", "dx"} <= columns


def _scan(path: Path) -> list[ClassSource]:
    files = {Path(name).stem: path / name for name in image_files(path)}
    kinds = {image: kind for table in _tables(path) for image, kind in _rows(table)}
    return listed_classes(
        {files.get(image, path / f"{image}.jpg"): kind for image, kind in kinds.items()}
    )


def _rows(table: Path) -> Iterator[tuple[str, str]]:
    """Image and kind of lesion."""
    for line, cells in enumerate(csv.DictReader(io.StringIO(decoded(table))), 2):
        row = {name.strip().lower(): cell or "" for name, cell in cells.items() if name}
        kind = row["dx"] if "dx" in row else _marked(row)
        if kind not in _KINDS:
            raise DataError(f"{table}, line {line}: no kind of lesion is marked")
        yield row.get("image") or row["image_id"], kind


def _marked(row: Mapping[str, str]) -> str:
    return next((kind for kind in _KINDS if row[kind].strip() in ("1", "1.0")), "")


ISIC = photographs(
    "isic",
    len(_KINDS),
    [
        Layout(
            "images and ISIC2018_Task3_Training_GroundTruth.csv, or HAM10000_metadata.csv",
            lambda path: bool(_tables(path)),
            _scan,
        )
    ],
    split=RandomSplit(0.0, 0.0, 1.0),
    howto=(
        "fsbench data prepare isic --source PATH with ISIC2018_Task3_Training_Input/ and its"
        " ground truth, or with HAM10000's images and metadata"
    ),
)
