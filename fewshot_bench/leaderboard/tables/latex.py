r"""Tables in LaTeX with the rules of booktabs, one file for each task, ready for ``\input``."""

from collections.abc import Sequence

from fewshot_bench.leaderboard.board import Row
from fewshot_bench.leaderboard.data_words import data_in_words
from fewshot_bench.leaderboard.tables.columns import Column
from fewshot_bench.leaderboard.tables.escape import latex
from fewshot_bench.leaderboard.tables.order import Group, Table

HEAD = r"% Written by fsbench leaderboard build; edits are lost."
NEEDS = r"% Needs \usepackage{booktabs}; \input it inside of a table, or as it is."
INTERVALS = {
    "method": "95\\,\\% intervals about the method, trained again with other seeds",
    "closed": "95\\,\\% intervals about other episodes of the same trained model",
}


def task_fragment(table: Table, columns: Sequence[Column]) -> str:
    """The measured rows of a table, or its published ones where nothing was measured."""
    groups = table.measured or table.groups
    lines = [
        HEAD,
        f"% {latex(table.benchmark)}, {latex(table.task)}",
        NEEDS,
        *tabular([column.head for column in columns], columns, groups),
        footnote(_said(table, groups)),
    ]
    return "\n".join([*lines, ""])


def tabular(heads: Sequence[str], columns: Sequence[Column], groups: Sequence[Group]) -> list[str]:
    """Lines of a tabular; titles of groups are left out where there is one only."""
    shape = "".join("r" if column.number else "l" for column in columns)
    lines = [
        rf"\begin{{tabular}}{{@{{}}{shape}@{{}}}}",
        r"\toprule",
        rf"{' & '.join(map(latex, heads))} \\",
    ]
    for group in groups:
        lines.append(r"\midrule")
        if len(groups) > 1:
            title = rf"\emph{{{latex(group.title)}}}"
            lines.append(rf"\multicolumn{{{len(columns)}}}{{@{{}}l}}{{{title}}} \\")
        lines += [
            " & ".join(_cell(row, column) for column in columns) + r" \\" for row in group.rows
        ]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def footnote(said: str) -> str:
    """A paragraph under a tabular, as wide as the text; ``said`` is LaTeX already."""
    return rf"\par\smallskip{{\footnotesize {said}\par}}"


def _said(table: Table, groups: Sequence[Group]) -> str:
    rows = [row for group in groups for row in group.rows]
    words = [latex(data_in_words(pool)) for pool in table.pools]
    if table.measured:
        kinds = [said for kind, said in INTERVALS.items() if kind in {row.interval for row in rows}]
        words += [f"{'; '.join(kinds)}; {_seeds(rows)}."] if kinds else []
        words.append("Bold: the rank set holds 1 (Holm, 5\\,\\%).")
    return " ".join(words) or "As published."


def _seeds(rows: Sequence[Row]) -> str:
    counts = sorted({row.seeds for row in rows if row.seeds})
    least, most = counts[0], counts[-1]
    number = str(least) if least == most else f"{least} to {most}"
    return f"{number} training seed{'s' if most > 1 else ''}"


def _cell(row: Row, column: Column) -> str:
    text = latex(column.text(row))
    leads = text and row.leads and column.name in ("method", "accuracy")
    return rf"\textbf{{{text}}}" if leads else text
