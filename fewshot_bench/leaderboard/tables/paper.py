r"""A comparison as a table for a paper: LaTeX for ``\input``, Markdown or CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tabulate import tabulate

from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.compare import Comparison, Pair
from fewshot_bench.evaluation.numbers import p_value, points, ranks_text
from fewshot_bench.leaderboard.tables.escape import latex, markdown, spreadsheet
from fewshot_bench.stats import Interval

FORMATS = ("tex", "md", "csv")
ABOUT = {
    "method": "about the methods, trained again with other seeds",
    "closed": "about these trained models on other episodes of the same images",
}


@dataclass(frozen=True)
class Line:
    """One entrant.

    Attributes:
        name: as compared.
        interval: of its accuracy.
        ranks: best and worst rank it may hold.
        seeds: trained models.
        learned: from what besides the benchmark, in words.
        pair: itself minus the best mean; None for the best.
    """

    name: str
    interval: Interval
    ranks: tuple[int, int]
    seeds: int
    learned: str
    pair: Pair | None

    @property
    def leads(self) -> bool:
        """Whether its rank set holds 1."""
        return self.ranks[0] == 1


COLUMNS: dict[str, tuple[str, Callable[[Line], str]]] = {
    "method": ("method", lambda line: line.name),
    "accuracy": (
        "accuracy %",
        lambda line: f"{points(line.interval.mean)} ± {points(line.interval.half_width)}",
    ),
    "mean": ("accuracy %", lambda line: points(line.interval.mean)),
    "interval": (
        "interval",
        lambda line: f"{points(line.interval.low)} to {points(line.interval.high)}",
    ),
    "rank": ("rank set", lambda line: ranks_text(line.ranks)),
    "difference": ("to the best", lambda line: _difference(line.pair)),
    "p": ("p (Holm)", lambda line: p_value(line.pair.p_holm) if line.pair else ""),
    "seeds": ("seeds", lambda line: str(line.seeds)),
    "learned": ("learned from", lambda line: line.learned),
}
DEFAULT = ("method", "accuracy", "rank", "difference", "p")
TEXTS = ("method", "learned")  # the other columns are numbers
BOLD = ("method", "accuracy", "mean")


def comparison_table(
    comparison: Comparison, title: str, form: str, columns: Sequence[str] = DEFAULT
) -> str:
    """The entrants of a comparison, best mean first, with a footnote on how they were compared.

    Args:
        comparison: of entrants on the same episodes.
        title: data and task, in words.
        form: one of :data:`FORMATS`.
        columns: keys of :data:`COLUMNS`.

    Raises:
        ConfigError: there is no such form or column.
    """
    if form not in FORMATS:
        raise ConfigError(f"there is no format {form!r}; there are {', '.join(FORMATS)}")
    for name in columns:
        if name not in COLUMNS:
            raise ConfigError(f"there is no column {name!r}; there are: {', '.join(COLUMNS)}")
    lines = lines_of(comparison)
    if form == "csv":
        return _sheet(lines, columns)
    if form == "md":
        return _markdown(lines, columns, footnote(comparison, title))
    return _latex(lines, columns, footnote(comparison, title))


def lines_of(comparison: Comparison) -> list[Line]:
    """One line per entrant, best mean first."""
    k = len(comparison.names)
    seeds, learned = comparison.seeds or (1,) * k, comparison.learned or ("",) * k
    return [
        Line(
            name,
            comparison.intervals[i],
            comparison.ranks[i],
            seeds[i],
            learned[i],
            comparison.pair(name, comparison.names[0]) if i else None,
        )
        for i, name in enumerate(comparison.names)
    ]


def footnote(comparison: Comparison, title: str) -> str:
    """Data, episodes, seeds, and what intervals and bold letters mean, in plain words."""
    first = comparison.intervals[0]
    counts = sorted(set(comparison.seeds or (1,)))
    seeds = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    plural = "" if counts == [1] else "s"
    level = f"{100 * first.level:g}"
    about = ABOUT.get(first.estimand, first.estimand)
    return (
        f"{title}: {comparison.episodes} episodes, {seeds} training seed{plural}; {level} %"
        f" intervals {about}. Bold: may be the best (rank set holds 1, Holm over all pairs)."
    )


def _difference(pair: Pair | None) -> str:
    if pair is None:
        return ""
    low, high = (
        points(limit, signed=True) for limit in (pair.difference.low, pair.difference.high)
    )
    return f"{points(pair.difference.mean, signed=True)} ({low} to {high})"


def _cells(
    lines: Iterable[Line],
    columns: Sequence[str],
    escape: Callable[[str], str],
    bold: Callable[[str], str],
) -> list[list[str]]:
    rows = []
    for line in lines:
        cells = {name: escape(COLUMNS[name][1](line)) for name in columns}
        rows.append(
            [bold(text) if line.leads and name in BOLD else text for name, text in cells.items()]
        )
    return rows


def _heads(columns: Sequence[str]) -> list[str]:
    return [COLUMNS[name][0] for name in columns]


def _sheet(lines: Iterable[Line], columns: Sequence[str]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(_cells(lines, columns, spreadsheet, str))
    return file.getvalue().rstrip("\n")


def _markdown(lines: Iterable[Line], columns: Sequence[str], note: str) -> str:
    rows = _cells(lines, columns, markdown, lambda text: f"**{text}**")
    align = ["left" if name in TEXTS else "right" for name in columns]
    heads = _heads(columns)
    grid = tabulate(rows, heads, tablefmt="pipe", colalign=align, disable_numparse=True)
    return f"{grid}\n\n{markdown(note)}"


def _latex(lines: Iterable[Line], columns: Sequence[str], note: str) -> str:
    shape = "".join("l" if name in TEXTS else "r" for name in columns)
    rows = _cells(lines, columns, latex, lambda text: rf"\textbf{{{text}}}")
    parts = [
        r"% Written by fsbench compare. Needs \usepackage{booktabs}; \input it as it is.",
        rf"\begin{{tabular}}{{@{{}}{shape}@{{}}}}",
        r"\toprule",
        " & ".join(map(latex, _heads(columns))) + r" \\",
        r"\midrule",
        *(" & ".join(cells) + r" \\" for cells in rows),
        r"\bottomrule",
        r"\end{tabular}",
        rf"\par\smallskip{{\footnotesize {latex(note)}\par}}",
    ]
    return "\n".join(parts)
