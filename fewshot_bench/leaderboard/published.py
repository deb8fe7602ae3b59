"""Numbers of papers and repositories, as rows that are shown but never ranked.

``leaderboards/published.csv`` has a line per method, backbone, benchmark, way and shot. Accuracies
and half-widths are in percent, digit by digit as published. ``origin`` says whose number it is:
``own`` (the method's own source is preferred wherever it is known), ``own, by a summary`` or ``own,
by a quotation``, ``re-run`` by others, or ``quoted`` by others. Cells that nobody stated are empty.
"""

import collections
import csv
import io
from pathlib import Path

from fewshot_bench.errors import DataError
from fewshot_bench.files import sha256
from fewshot_bench.leaderboard.board import SETTINGS, Row
from fewshot_bench.reading import read_text

COLUMNS = (
    "method",
    "backbone",
    "benchmark",
    "way",
    "shot",
    "accuracy_percent",
    "half_width_percent",
    "interval",
    "setting",
    "pre_trained",
    "train_val",
    "ensemble",
    "origin",
    "source",
    "note",
)
INTERVALS = ("", "ci95", "std", "unknown")
ORIGINS = ("own", "own, by a summary", "own, by a quotation", "re-run", "quoted")
ANSWERS = {"yes": True, "no": False, "": None}


def read_published(path: Path) -> list[Row]:
    """Read the table.

    Raises:
        DataError: missing, or a line is not as it must be; says which.
    """
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read: {error}") from error
    lines = csv.DictReader(io.StringIO(text))
    rows = []
    try:
        if tuple(lines.fieldnames or ()) != COLUMNS:
            raise DataError(f"{path} must have the columns {', '.join(COLUMNS)}")
        for line in lines:
            rows.append(_row(line))
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(f"{path}, line {lines.line_num}: {error}") from error
    for row_id, count in collections.Counter(row.id for row in rows).items():
        if count > 1:
            name = next(f"{row.method} on {row.benchmark}" for row in rows if row.id == row_id)
            raise DataError(f"{path} has two lines of one method, backbone, way and shot: {name}")
    return rows


def _row(line: dict[str, str]) -> Row:
    if None in line or None in line.values():
        raise ValueError("it has too many or too few cells")
    for column, allowed in (
        ("interval", INTERVALS),
        ("setting", SETTINGS),
        ("origin", ORIGINS),
        *((name, tuple(ANSWERS)) for name in ("pre_trained", "train_val", "ensemble")),
    ):
        if line[column] not in allowed:
            raise ValueError(f"{column} is {line[column]!r}, not one of {', '.join(allowed)}")
    if not line["source"].strip():
        raise ValueError("source is empty: give an arXiv id or a repository")
    accuracy = _percent(line["accuracy_percent"])
    half = _percent(line["half_width_percent"]) if line["half_width_percent"] else None
    if (half is None) != (line["interval"] == ""):
        raise ValueError("interval says what half_width_percent is: fill both or none")
    key = "|".join(line[name] for name in COLUMNS[:5])
    return Row(
        id=f"p-{sha256(key.encode())[:12]}",
        kind="published",
        method=line["method"],
        backbone=line["backbone"],
        benchmark=line["benchmark"],
        setting=line["setting"],
        way=int(line["way"]),
        shot=int(line["shot"]),
        accuracy=accuracy,
        low=None if half is None else round(accuracy - half, 6),
        high=None if half is None else round(accuracy + half, 6),
        interval=line["interval"],
        flags=() if line["origin"] == "own" else (line["origin"],),
        pre_trained=ANSWERS[line["pre_trained"]],
        train_val=ANSWERS[line["train_val"]],
        ensemble=ANSWERS[line["ensemble"]],
        source=line["source"],
        note=line["note"],
    )


def _percent(text: str) -> float:
    value = float(text)
    if not 0 < value < 100:
        raise ValueError(f"{text} is no percentage")
    return round(value / 100, 6)
