"""Tables in LaTeX (booktabs, longtable): a document that compiles as it is."""

from collections.abc import Sequence

from fewshot_bench.leaderboard.board import Row
from fewshot_bench.leaderboard.data_words import data_in_words
from fewshot_bench.leaderboard.tables.columns import Column
from fewshot_bench.leaderboard.tables.escape import latex
from fewshot_bench.leaderboard.tables.order import Table, title

HEAD = r"""% Written by fsbench leaderboard build; edits are lost.
\documentclass[a4paper,landscape]{article}
\usepackage[T1]{fontenc}
\usepackage[landscape,margin=1cm]{geometry}
\usepackage{booktabs,longtable}
\setlength{\tabcolsep}{3pt}
\setlength{\LTcapwidth}{\textwidth}
\begin{document}
\tiny
"""
TAIL = "\\end{document}\n"
LEGEND = (
    "Bold: the rank set holds 1. Published rows are not ranked: protocol, images and training"
    " differ. Intervals: \\emph{method} is about training again, \\emph{closed} about other"
    " episodes; \\emph{detectable} is a difference to the leader found with 80\\,\\% power."
)


def benchmark_document(benchmark: str, tables: Sequence[Table], columns: Sequence[Column]) -> str:
    """All tables of one benchmark."""
    return HEAD + "\n".join(_longtable(benchmark, table, columns) for table in tables) + TAIL


def _longtable(benchmark: str, table: Table, columns: Sequence[Column]) -> str:
    shape = "".join("r" if column.number else "l" for column in columns)
    about = [f"Measured: {data_in_words(pool)}" for pool in table.pools]
    said = " ".join(map(latex, (f"{benchmark}, {title(table.board)}.", *about)))
    caption = f"{said} {LEGEND}"
    heads = " & ".join(latex(column.head) for column in columns)
    lines = [
        rf"\begin{{longtable}}{{@{{}}{shape}@{{}}}}",
        rf"\caption{{{caption}}}\\",
        r"\toprule",
        rf"{heads} \\",
        r"\midrule",
        r"\endhead",
    ]
    for previous, row in zip((None, *table.rows), table.rows, strict=False):
        if previous is not None and (previous.kind, previous.pool) != (row.kind, row.pool):
            lines.append(r"\midrule")
        lines.append(" & ".join(_cell(row, column) for column in columns) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{longtable}", ""])


def _cell(row: Row, column: Column) -> str:
    text = latex(column.text(row))
    leads = text and row.leads and column.name in ("method", "accuracy")
    return rf"\textbf{{{text}}}" if leads else text
