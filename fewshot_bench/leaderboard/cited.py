"""Numbers of a leaderboard in pages that people write, between markers that ``build`` fills.

A marker says which rows and what of them; what stands between it and its end is written anew::

    <!-- board table benchmark=glyphs task=5-1 columns=method,accuracy methods=maml,anil -->
    <!-- board end -->
    MAML has <!-- board accuracy benchmark=glyphs task=5-1 methods=maml -->82.66<!-- board end -->

``accuracy`` and ``difference`` (of ``methods`` to ``against``, in points) stand within a line. A
method may be followed by ``:pre-trained`` or ``:plain`` where it has a row of each kind, and by
``@`` and the id of its row where it has several; a table has all of them otherwise. Rows that were
trained on another benchmark are there where ``trained_on`` names it.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from tabulate import tabulate

from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.evaluation.numbers import points
from fewshot_bench.evaluation.protocol import task_slug
from fewshot_bench.leaderboard.board import Leaderboard, Row
from fewshot_bench.leaderboard.tables.columns import accuracy, chosen
from fewshot_bench.leaderboard.tables.escape import markdown

START = re.compile(r"<!-- board [a-z]+ [a-z]+=")
MARKED = re.compile(
    r"(<!-- board ([a-z]+) ([a-z]+=[^>]*?) ?-->)(.*?)(<!-- board end -->)", re.DOTALL
)
KEYS = {
    *("benchmark", "task", "backbone", "setting", "kind", "trained_on"),
    *("methods", "against", "columns"),
}
PRE_TRAINED = {"pre-trained": True, "plain": False}

Spec = dict[str, str]


def pages(root: Path) -> list[Path]:
    """Pages beside the folder of a leaderboard, and in ``docs`` there, that hold a marker."""
    found = [*root.parent.glob("*.md"), *(root.parent / "docs").glob("**/*.md")]
    return sorted(p for p in found if START.search(p.read_text(encoding="utf-8")))


def filled(text: str, leaderboard: Leaderboard, page: str) -> str:
    """The text of a page with the numbers of a leaderboard.

    Args:
        text: as it stands.
        leaderboard: where the numbers come from.
        page: its name, for messages.

    Raises:
        DataError: a marker has no end, or what it asks for is not on the leaderboard.
    """
    if len(START.findall(text)) != len(MARKED.findall(text)):
        raise DataError(f"{page}: a marker <!-- board ... --> has no <!-- board end -->")

    def fill(match: re.Match[str]) -> str:
        start, kind, asked, _, end = match.groups()
        try:
            return start + _KINDS[kind](leaderboard, _spec(asked)) + end
        except (KeyError, ValueError, ConfigError) as error:
            said = f"there is no {error}" if isinstance(error, KeyError) else error
            raise DataError(f"{page}: {' '.join(start.split())}: {said}") from error

    return MARKED.sub(fill, text)


def _spec(asked: str) -> Spec:
    table = dict(part.split("=", 1) for part in asked.split())
    if unknown := sorted(table.keys() - KEYS):
        raise ValueError(f"{unknown[0]} is none of {', '.join(sorted(KEYS))}")
    return table


def _table(leaderboard: Leaderboard, spec: Spec) -> str:
    names = spec["columns"].split(",")
    columns = chosen(name for name in names if name != "difference")
    heads = [column.head for column in columns]
    align = ["right" if column.number else "left" for column in columns]
    lines = []
    for row in _rows(leaderboard, spec):
        cells = [markdown(column.text(row)) for column in columns]
        if "difference" in names:
            cells.append(_difference_to(leaderboard, row, spec))
        lines.append(cells)
    if "difference" in names:
        heads, align = [*heads, f"difference to {spec['against']}"], [*align, "right"]
    grid = tabulate(lines, heads, tablefmt="pipe", colalign=align, disable_numparse=True)
    return f"\n\n{grid}\n\n"


def _accuracy(leaderboard: Leaderboard, spec: Spec) -> str:
    return accuracy(_one(_rows(leaderboard, spec)))


def _difference(leaderboard: Leaderboard, spec: Spec) -> str:
    return _difference_to(leaderboard, _one(_rows(leaderboard, spec)), spec)


def _difference_to(leaderboard: Leaderboard, row: Row, spec: Spec) -> str:
    """Points and their 95 % interval; "" for the row itself."""
    other = _one(_named(_of_task(leaderboard, spec), spec["against"]))
    if row == other:
        return ""
    pair = leaderboard.pool(row).pair(row.id, other.id)
    low, high = points(pair.low, signed=True), points(pair.high, signed=True)
    return f"{points(pair.difference, signed=True)} ({low} to {high})"


def _rows(leaderboard: Leaderboard, spec: Spec) -> list[Row]:
    """In the order in which methods are named, or the best first where none is."""
    rows = _of_task(leaderboard, spec)
    if "methods" not in spec:
        return sorted(rows, key=lambda row: -row.accuracy)
    return [row for name in spec["methods"].split(",") for row in _named(rows, name)]


def _of_task(leaderboard: Leaderboard, spec: Spec) -> list[Row]:
    wanted = {"kind": "measured", "trained_on": "", **spec}
    facts: dict[str, Callable[[Row], str]] = {
        "benchmark": lambda row: row.benchmark,
        "task": lambda row: task_slug(row.way, row.shot, row.sampler),
        "backbone": lambda row: row.backbone,
        "setting": lambda row: row.setting,
        "kind": lambda row: row.kind,
        "trained_on": lambda row: row.trained_on.removeprefix("trained on "),
    }
    asked = {name: fact for name, fact in facts.items() if name in wanted}
    return [
        row
        for row in leaderboard.rows().values()
        if not row.short and all(fact(row) == wanted[name] for name, fact in asked.items())
    ]


def _named(rows: Sequence[Row], asked: str) -> list[Row]:
    named, _, row_id = asked.partition("@")
    name, _, kind = named.partition(":")
    found = [row for row in rows if row.method == name and row_id in ("", row.id)]
    if kind:
        found = [row for row in found if row.pre_trained is PRE_TRAINED[kind]]
    if not found:
        raise ValueError(f"no row of {asked} there")
    return found


def _one(rows: Sequence[Row]) -> Row:
    if len(rows) != 1:
        raise ValueError(f"{len(rows)} rows there, which must be one")
    return rows[0]


_KINDS: dict[str, Callable[[Leaderboard, Spec], str]] = {
    "table": _table,
    "accuracy": _accuracy,
    "difference": _difference,
}
