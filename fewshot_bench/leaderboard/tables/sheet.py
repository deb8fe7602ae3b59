"""Tables as CSV: a line per row, numbers as numbers, accuracies as fractions."""

import csv
import dataclasses
import io
from collections.abc import Sequence

from fewshot_bench.leaderboard.board import Row
from fewshot_bench.leaderboard.tables.escape import spreadsheet
from fewshot_bench.leaderboard.tables.order import Table

FIELDS = tuple(field.name for field in dataclasses.fields(Row))


def benchmark_sheet(tables: Sequence[Table]) -> str:
    """All rows of one benchmark with every field there is, table by table and group by group."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(FIELDS)
    for table in tables:
        writer.writerows([[_cell(getattr(row, name)) for name in FIELDS] for row in table.rows])
    return file.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, tuple):
        return spreadsheet(" ".join(map(str, value)))
    return spreadsheet(value) if isinstance(value, str) else value
