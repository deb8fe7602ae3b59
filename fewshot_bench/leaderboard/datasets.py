"""The data that a leaderboard knows: ``datasets.csv``, a line per benchmark and fingerprint.

A new line is a claim that somebody must look at: other images under the name of a benchmark would
make numbers that mean something else. ``fsbench results add`` adds it, so that it shows in a diff.
"""

import csv
import io
from pathlib import Path

from fewshot_bench.errors import DataError
from fewshot_bench.evaluation.result import Result
from fewshot_bench.files import write_atomic
from fewshot_bench.leaderboard.tables.escape import spreadsheet

DATASETS = "datasets.csv"
COLUMNS = ("benchmark", "fingerprint", "test_classes", "test_images", "resize", "note")


def read_datasets(root: Path) -> dict[str, set[str]]:
    """Benchmark -> fingerprints; {} without a table. Raises DataError if it is damaged."""
    known: dict[str, set[str]] = {}
    for line in _lines(root / DATASETS):
        known.setdefault(line["benchmark"], set()).add(line["fingerprint"])
    return known


def remember(root: Path, result: Result) -> bool:
    """Add the data of a result to the table; False if they were there."""
    dataset = result.info["dataset"]
    if dataset["fingerprint"] in read_datasets(root).get(dataset["id"], ()):
        return False
    resize = dataset.get("preprocessing", {}).get("resize", "")
    values = (dataset["id"], dataset["fingerprint"], len(dataset["pool_sizes"]))
    line = dict(zip(COLUMNS, (*values, sum(dataset["pool_sizes"]), resize, ""), strict=True))
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
        lines = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read: {error}") from error
    if tuple(lines.fieldnames or ()) != COLUMNS:
        raise DataError(f"{path} must have the columns {', '.join(COLUMNS)}")
    return list(lines)
