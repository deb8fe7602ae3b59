"""Tables in Markdown, with columns that line up in the source as well."""

from collections.abc import Sequence
from urllib.parse import quote

from tabulate import tabulate

from fewshot_bench.leaderboard.board import Board, Leaderboard, Pool, Row
from fewshot_bench.leaderboard.tables.columns import Column, accuracy, ranks
from fewshot_bench.leaderboard.tables.escape import markdown
from fewshot_bench.leaderboard.tables.order import Table, benchmarks, file_stem, title

GENERATED = "<!-- Written by `fsbench leaderboard build`; edits are lost. -->"
LEGEND = """\
**Bold**: the rank set holds 1, so nothing measured on the same episodes in the same setting is
significantly better (Holm over all pairs, 5 %). The best of many noisy rows is over-estimated.
*Measured* rows are stored with every prediction and ranked; *published* ones stand beside them with
the numbers of their source, and are not: protocol, images and training differ.
*interval*: `method` is about training again with other seeds, `closed` about this trained model on
other episodes; `ci95` as published, usually closed. *detectable*: a difference to the leader, in
points, that this study would find with 80 % power; smaller ones may go unseen.
*time/episode* and *memory* depend on the machine (its facts stand in each `result.json`).
"""


def benchmark_page(benchmark: str, tables: Sequence[Table], columns: Sequence[Column]) -> str:
    """All tables of one benchmark."""
    parts = [GENERATED, f"# {markdown(benchmark)}"]
    for table in tables:
        parts.append(f"## {title(table.board)}")
        parts += [_about(pool) for pool in table.pools]
        parts.append(_grid(table.rows, columns))
    return "\n\n".join([*parts, LEGEND])


def _about(pool: Pool) -> str:
    return (
        f"Data {markdown(pool.fingerprint[:12])}: {pool.classes} classes, {pool.images} images;"
        f" {pool.episodes} common episodes ({pool.sampler}), {pool.query} queries per class."
    )


def _grid(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    cells = [[_cell(row, column) for column in columns] for row in rows]
    align = ["right" if column.number else "left" for column in columns]
    heads = [column.head for column in columns]
    return tabulate(cells, heads, tablefmt="pipe", colalign=align, disable_numparse=True)


def _cell(row: Row, column: Column) -> str:
    text = markdown(column.text(row))
    return f"**{text}**" if text and row.leads and column.name in ("method", "accuracy") else text


def index_page(leaderboard: Leaderboard) -> str:
    """One line per board that something was measured on: who leads."""
    lines = []
    for name, boards in benchmarks(leaderboard).items():
        link = f"[{markdown(name)}](tables/{quote(file_stem(name))}.md)"
        for board in boards:
            lines.append([link, title(board), *_leaders(board), len(board.published) or ""])
    heads = [
        "benchmark",
        "board",
        "in the lead (measured)",
        "accuracy %",
        "rank set",
        "measured",
        "published",
    ]
    align = ["left", "left", "left", "right", "right", "right", "right"]
    table = tabulate(lines, heads, tablefmt="pipe", colalign=align, disable_numparse=True)
    about = (
        "Every measured row can be recomputed from the predictions under `results/`; published"
        " numbers are in `published.csv`.\n`index.html` shows the same as a page that sorts,"
        " filters and compares; `board.json` holds it for programs.\nHow to submit a result:"
        " `docs/leaderboard.md`."
    )
    body = table if lines else "No results yet."
    return "\n\n".join([GENERATED, "# Leaderboards", about, body]) + "\n"


def _leaders(board: Board) -> list[str | int]:
    leaders = [row for row in board.measured if row.leads]
    if not leaders:
        return ["", "", "", len(board.measured) or ""]
    names = ", ".join(dict.fromkeys(markdown(f"{row.method}") for row in leaders))
    best = max(leaders, key=lambda row: row.accuracy)
    return [names, accuracy(best), ranks(best), len(board.measured)]
