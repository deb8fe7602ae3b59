"""Tables in Markdown, with columns that line up in the source as well."""

from collections.abc import Iterator, Sequence

import tabulate as tables
from tabulate import tabulate

from fewshot_bench.leaderboard.board import Row
from fewshot_bench.leaderboard.data_words import data_in_words
from fewshot_bench.leaderboard.tables.columns import Column
from fewshot_bench.leaderboard.tables.escape import markdown
from fewshot_bench.leaderboard.tables.order import Table

# Otherwise columns are aligned in another way where the package wcwidth happens to be installed,
# and the same board would give other bytes.
tables.WIDE_CHARS_MODE = False

GENERATED = "<!-- Written by `fsbench leaderboard build`; edits are lost. -->"
LEGEND = """\
Rows are ranked within their group only: measured on the same episodes, in the same setting, by
models that have learned from like data. Where that was other data than the training classes of
this benchmark, it stands under *flags*.
**Bold**: the rank set holds 1, so nothing in the group is significantly better (Holm over all
pairs, 5 %). The best of many noisy rows is over-estimated. A row that nothing stands beside has no
rank.
*Measured* rows are stored with every prediction; *published* ones have the numbers of their
source, and are not ranked: protocol, images and training differ.
*interval*: `method` is about training again with other seeds, `closed` about this trained model on
other episodes; `ci95` as published, usually closed. *detectable*: a difference to the leader, in
points, that this study would find with 80 % power; smaller ones may go unseen.
*can't be told from*: all predictions agree with those of another row as copies do; of two
classifiers on one embedding that may be honest. *rerun agrees*, *contradicted by a rerun*: somebody
ran the models again and compared.
*time/episode* and *memory* depend on the machine (its facts stand in each `result.json`).
"""


def benchmark_page(tables: Sequence[Table], columns: Sequence[Column]) -> str:
    """All tables of one benchmark."""
    parts = [GENERATED, f"# {markdown(tables[0].benchmark)}"]
    for table in tables:
        parts.append(f"## {markdown(table.task)}")
        parts += [markdown(data_in_words(pool)) for pool in table.pools]
        parts.append(_grid(table, columns))
    return "\n\n".join([*parts, LEGEND])


def _grid(table: Table, columns: Sequence[Column]) -> str:
    align = ["right" if column.number else "left" for column in columns]
    heads = [column.head for column in columns]
    lines = list(_lines(table, columns))
    return tabulate(lines, heads, tablefmt="pipe", colalign=align, disable_numparse=True)


def _lines(table: Table, columns: Sequence[Column]) -> Iterator[list[str]]:
    """The cells, each group under a line with its title."""
    for group in table.groups:
        yield [f"*{markdown(group.title)}*", *[""] * (len(columns) - 1)]
        for row in group.rows:
            yield [_cell(row, column) for column in columns]


def _cell(row: Row, column: Column) -> str:
    text = markdown(column.text(row))
    return f"**{text}**" if text and row.leads and column.name in ("method", "accuracy") else text
