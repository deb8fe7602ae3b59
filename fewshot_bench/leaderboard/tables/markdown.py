"""Tables in Markdown, with columns that line up in the source as well."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

import tabulate as tables
from tabulate import tabulate

from fewshot_bench.leaderboard.board import Board, Leaderboard, Pool, Row
from fewshot_bench.leaderboard.data_words import data_in_short, data_in_words
from fewshot_bench.leaderboard.tables.columns import Column, accuracy, ranks
from fewshot_bench.leaderboard.tables.escape import markdown
from fewshot_bench.leaderboard.tables.order import (
    Table,
    benchmarks,
    file_stem,
    pools_of,
    title,
)

# Otherwise columns are aligned in another way where the package wcwidth happens to be installed,
# and the same board would give other bytes.
tables.WIDE_CHARS_MODE = False

APART = (
    "These models have learned from other data than the training classes of this benchmark; what"
    " that is stands under *flags*. They are ranked among themselves and never with rows that have"
    " not."
)
GENERATED = "<!-- Written by `fsbench leaderboard build`; edits are lost. -->"
LEGEND = """\
**Bold**: the rank set holds 1, so nothing measured on the same episodes in the same setting is
significantly better (Holm over all pairs, 5 %). The best of many noisy rows is over-estimated.
A row that nothing stands beside has no rank.
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
        parts += [APART] if table.board.learned != "own" else []
        parts += [markdown(data_in_words(pool)) for pool in table.pools]
        parts.append(_grid(table.rows, columns))
    return "\n\n".join([*parts, LEGEND])


def _grid(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    cells = [[_cell(row, column) for column in columns] for row in rows]
    align = ["right" if column.number else "left" for column in columns]
    heads = [column.head for column in columns]
    return tabulate(cells, heads, tablefmt="pipe", colalign=align, disable_numparse=True)


def _cell(row: Row, column: Column) -> str:
    text = markdown(column.text(row))
    return f"**{text}**" if text and row.leads and column.name in ("method", "accuracy") else text


def index_page(leaderboard: Leaderboard) -> str:
    """Who leads: a line per board, and where rows were measured on different episodes, per pool."""
    lines = []
    for name, boards in benchmarks(leaderboard).items():
        link = f"[{markdown(name)}](tables/{quote(file_stem(name))}.md)"
        for board in boards:
            lines += [[link, title(board), *cells] for cells in _standings(leaderboard, board)]
    heads = [
        "benchmark",
        "board",
        "measured on",
        "in the lead (measured)",
        "accuracy %",
        "rank set",
        "measured",
        "published",
    ]
    align = ["left"] * 4 + ["right"] * 4
    table = tabulate(lines, heads, tablefmt="pipe", colalign=align, disable_numparse=True)
    about = (
        "Every measured row can be recomputed from the predictions under `results/`; published"
        " numbers are in `published.csv`.\n`index.html` shows the same as a page that sorts,"
        " filters and compares; `board.json` holds it for programs.\nHow to submit a result:"
        " `docs/leaderboard.md`."
    )
    body = table if lines else "No results yet."
    return "\n\n".join([GENERATED, "# Leaderboards", about, body]) + "\n"


def _standings(leaderboard: Leaderboard, board: Board) -> Iterator[list[str | int]]:
    """Cells of a board's lines; means of different pools can't be compared, so each has its own."""
    published: str | int = len(board.published) or ""
    if not board.measured:
        yield ["", "", "", "", "", published]
    for pool in pools_of(leaderboard, board):
        rows = [row for row in board.measured if row.pool == pool.id]
        yield [markdown(_measured_on(pool)), *_leaders(rows), len(rows), published]
        published = ""  # counted once


def _measured_on(pool: Pool) -> str:
    return "; ".join(filter(None, (data_in_short(pool), f"{pool.episodes} episodes")))


def _leaders(rows: Sequence[Row]) -> list[str]:
    """Names, accuracy and rank set; a single row leads nothing."""
    if len(rows) == 1:
        return [f"{markdown(rows[0].method)} (alone)", accuracy(rows[0]), ""]
    leaders = [row for row in rows if row.leads]
    if not leaders:
        return ["", "", ""]
    names = ", ".join(dict.fromkeys(markdown(row.method) for row in leaders))
    best = max(leaders, key=lambda row: row.accuracy)
    return [names, accuracy(best), ranks(best)]
