"""The data that a leaderboard knows: ``datasets.csv``, a line per benchmark and fingerprint.

A new line is a claim that somebody must look at: other images under the name of a benchmark would
make numbers that mean something else. ``fsbench results add`` adds it, so that it shows in a diff.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.errors import DataError
from fewshot_bench.evaluation.result import Result
from fewshot_bench.files import write_atomic
from fewshot_bench.leaderboard.tables.escape import spreadsheet
from fewshot_bench.reading import read_text

DATASETS = "datasets.csv"
DIGITS = 16  # of a count, and fewer: int() minds very long ones
COLUMNS = ("benchmark", "fingerprint", "test_classes", "test_images", "resize", "note")


@dataclass(frozen=True)
class Dataset:
    """One line of the table.

    Attributes:
        test_classes: how many.
        test_images: of all test classes together.
        resize: size of the images in pixels and how they were brought to it, in words.
        note: where the images come from and what was left out; for people.
    """

    test_classes: int
    test_images: int
    resize: str = ""
    note: str = ""


Datasets = Mapping[str, Mapping[str, Dataset]]  # benchmark -> fingerprint -> data


def read_datasets(root: Path) -> dict[str, dict[str, Dataset]]:
    """Benchmark -> fingerprint -> data; {} without a table.

    Raises:
        DataError: it is damaged; the line is named.
    """
    known: dict[str, dict[str, Dataset]] = {}
    for line in _lines(root / DATASETS):
        counts = (int(line["test_classes"]), int(line["test_images"]))
        data = Dataset(*counts, line["resize"], line["note"])
        known.setdefault(line["benchmark"], {})[line["fingerprint"]] = data
    return known


def dataset_of(result: Result) -> Dataset:
    """What a result says of its data."""
    dataset = result.document.dataset
    sizes = dataset.pool_sizes
    resize = dataset.preprocessing.get("resize", "")
    return Dataset(len(sizes), sum(sizes), str(resize))


def remember(root: Path, result: Result) -> bool:
    """Add the data of a result to the table; False if they were there."""
    dataset = result.document.dataset
    if dataset.fingerprint in read_datasets(root).get(dataset.id, ()):
        return False
    data = dataset_of(result)
    facts = (data.test_classes, data.test_images, data.resize, data.note)
    line = dict(zip(COLUMNS, (dataset.id, dataset.fingerprint, *facts), strict=True))
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_lines(root / DATASETS))
    writer.writerow({key: spreadsheet(str(value)) for key, value in line.items()})
    write_atomic(root / DATASETS, file.getvalue().encode())
    return True


def _lines(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    try:
        lines = csv.DictReader(io.StringIO(read_text(path)))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read: {error}") from error
    try:
        if tuple(lines.fieldnames or ()) != COLUMNS:
            raise DataError(f"{path} must have the columns {', '.join(COLUMNS)}")
        return list(_whole(path, lines))
    except csv.Error as error:
        raise DataError(f"{path}, line {lines.line_num}: {error}") from error


def _whole(path: Path, lines: "csv.DictReader[str]") -> Iterator[dict[str, str]]:
    """The lines, each with a value in every column; csv is silent about other ones."""
    for line in lines:
        where = f"{path}, line {lines.line_num}"
        if None in line or None in line.values():
            raise DataError(
                f"{where}: not {len(COLUMNS)} values; put a text that holds a comma in quotes"
            )
        for name in ("test_classes", "test_images"):
            if not (line[name].isascii() and line[name].isdigit() and len(line[name]) < DIGITS):
                raise DataError(f"{where}: {name} must be a whole number, not {line[name]!r}")
        yield line
