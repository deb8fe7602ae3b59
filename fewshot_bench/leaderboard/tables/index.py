"""The first page of a leaderboard: what was measured, at one look; the rest is folded."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from tabulate import tabulate

from fewshot_bench.leaderboard.board import Pool
from fewshot_bench.leaderboard.data_words import data_in_short
from fewshot_bench.leaderboard.tables.columns import accuracy
from fewshot_bench.leaderboard.tables.escape import markdown
from fewshot_bench.leaderboard.tables.markdown import GENERATED
from fewshot_bench.leaderboard.tables.order import Group, Table, file_stem

ABOUT = (
    "Best mean of each setting; *not told apart* counts those that may be as good (Holm, 5 %). The"
    " tables behind the links have all rows,\n[index.html](index.html) sorts, filters and compares"
    " them, `board.json` holds them for programs. Every measured row can be\nrecomputed from the"
    " predictions under `results/`; published numbers are in `published.csv`. How to submit a"
    " result: `docs/leaderboard.md`."
)
SETTINGS = ("inductive", "transductive_bn", "transductive")
HEADS = ("inductive", "transductive by batch norm", "transductive")


def index_page(tables: Sequence[Table]) -> str:
    """Who leads: a line per task and list of episodes, measured ones first."""
    measured = [line for table in tables if table.measured for line in _standings(table)]
    quoted: list[list[str | int]] = [
        [_link(table), len(table.rows)] for table in tables if not table.measured
    ]
    parts = [GENERATED, "# Leaderboards", ABOUT]
    if measured:
        heads = ("task", "measured on", *HEADS, "measured", "published")
        parts.append(_grid(measured, heads, ["left"] * 5 + ["right"] * 2))
    if quoted:
        many = f"<summary>{len(quoted)} tables with published numbers only</summary>"
        grid = _grid(quoted, ("task", "published"), ["left", "right"])
        parts += [f"<details>\n{many}", grid, "</details>"]
    if not measured and not quoted:
        parts.append("No results yet.")
    return "\n\n".join(parts) + "\n"


def _grid(lines: Sequence[Sequence[str | int]], heads: Sequence[str], align: Sequence[str]) -> str:
    return tabulate(lines, heads, tablefmt="pipe", colalign=align, disable_numparse=True)


def _link(table: Table) -> str:
    page = f"tables/{quote(file_stem(table.benchmark))}.md"
    return f"[{markdown(table.benchmark)}, {markdown(table.task)}]({page})"


def _standings(table: Table) -> Iterator[list[str | int]]:
    """Cells of a task; means of different pools can't be compared, so each has its own line."""
    published: str | int = sum(row.kind == "published" for row in table.rows) or ""
    usual = [group for group in table.measured if not group.rows[0].apart]
    for pool in {group.pool.id: group.pool for group in usual if group.pool}.values():
        groups = {group.rows[0].setting: group for group in usual if group.pool == pool}
        best = [_leader(groups[name]) if name in groups else "" for name in SETTINGS]
        count = sum(len(group.rows) for group in groups.values())
        yield [_link(table), markdown(_measured_on(pool)), *best, count, published]
        published = ""  # counted once


def _measured_on(pool: Pool) -> str:
    return "; ".join(filter(None, (data_in_short(pool), f"{pool.episodes} episodes")))


def _leader(group: Group) -> str:
    """The best mean, and how many others may be as good; a single row leads nothing."""
    best = max(group.rows, key=lambda row: row.accuracy)
    said = f"{markdown(best.method)} {accuracy(best)}"
    if len(group.rows) == 1:
        return f"{said} (alone)"
    others = sum(row.leads for row in group.rows if row is not best)
    return f"{said} ({others} not told apart)" if others else said
