"""The columns that a table can have: what they are called, show, and sort by."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.numbers import points, ranks_text
from fewshot_bench.leaderboard.board import Row

Key = tuple[bool, Any]
RERUNS = {"agrees": "rerun agrees", "contradicted": "contradicted by a rerun"}


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: what ``--columns`` and ``--sort`` call it.
        head: its heading.
        text: the cell of a row, "" where nothing is known; not yet escaped.
        value: what rows are sorted by, None for last; text where it is left out.
        down: the largest value comes first.
        number: cells are set flush right.
    """

    name: str
    head: str
    text: Callable[[Row], str]
    value: Callable[[Row], Any] | None = None
    down: bool = False
    number: bool = True

    def key(self, row: Row) -> Key:
        """Sort key; rows without a value come last."""
        value: Any = self.value(row) if self.value else self.text(row) or None
        if value is None:
            return True, 0
        return False, -value if self.down else value


def accuracy(row: Row) -> str:
    """Mean and half-width in percent."""
    if row.low is None or row.high is None:
        return points(row.accuracy)
    half = max(row.high - row.accuracy, row.accuracy - row.low)
    return f"{points(row.accuracy)} ± {points(half)}"


def ranks(row: Row) -> str:
    """``1-3``, or ``2`` where no other rank is possible."""
    return "" if row.rank is None else ranks_text(row.rank)


def flags(row: Row) -> str:
    """What sets a row apart from a plain one, in words."""
    said = {
        "pre-trained": row.pre_trained,
        "train+val": row.train_val,
        "ensemble": row.ensemble,
        "our adaptation": row.adaptation,
    }
    words = [word for word, true in said.items() if true]
    words += [row.trained_on] if row.trained_on else []
    words += [f"can't be told from {row.like}"] if row.like else []
    words += [RERUNS[row.rerun]] if row.rerun else []
    # The words say it with a name.
    shown = [flag for flag in row.flags if flag != "external_data" or not row.trained_on]
    return ", ".join([*words, *(flag.replace("_", " ") for flag in shown)])


def seconds(value: float | None) -> str:
    """A duration with the unit that fits."""
    if value is None:
        return ""
    for size, unit in ((3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def size(value: float | None, units: Sequence[str] = ("B", "kB", "MB", "GB", "TB")) -> str:
    """A number with three digits and a prefix of thousand."""
    if not value:
        return ""
    power = min(int(math.log10(value) // 3), len(units) - 1)
    return f"{value / 1000**power:.3g} {units[power]}".strip()


def source(row: Row) -> str:
    """Where a published row comes from, or the results of a measured one."""
    return row.source or ", ".join(result[:12] for result in row.results)


def _count(value: int | None) -> str:
    return "" if value is None else str(value)


def _answer(value: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[value]


def _detectable(row: Row) -> str:
    return "" if row.mde80 is None else points(row.mde80)


def _params(row: Row) -> str:
    return size(row.n_params, ("", "k", "M", "G"))


COLUMNS = {
    column.name: column
    for column in (
        Column("method", "method", lambda r: r.method, number=False),
        Column("backbone", "backbone", lambda r: r.backbone, number=False),
        Column("pre_trained", "pre-trained", lambda r: _answer(r.pre_trained), number=False),
        Column("embedding", "pre-training", lambda r: r.training, number=False),
        Column("kind", "kind", lambda r: r.kind, number=False),
        Column("setting", "setting", lambda r: r.setting, number=False),
        Column("accuracy", "accuracy %", accuracy, lambda r: r.accuracy, True),
        Column("interval", "interval", lambda r: r.interval, number=False),
        Column("seeds", "seeds", lambda r: _count(r.seeds), lambda r: r.seeds, True),
        Column("episodes", "episodes", lambda r: _count(r.episodes), lambda r: r.episodes, True),
        Column("rank", "rank set", ranks, lambda r: r.rank),
        Column("mde80", "detectable", _detectable, lambda r: r.mde80),
        Column("flags", "flags", flags, number=False),
        Column("time", "time/episode", lambda r: seconds(r.time_s), lambda r: r.time_s),
        Column("train", "training", lambda r: seconds(r.train_s), lambda r: r.train_s),
        Column("memory", "memory", lambda r: size(r.memory), lambda r: r.memory),
        Column("params", "parameters", _params, lambda r: r.n_params),
        Column("source", "source", source, number=False),
        Column("note", "note", lambda r: r.note, number=False),
    )
}  # fmt: skip
PAPER = ("method", "backbone", "accuracy", "rank")  # columns of LaTeX tables
DEFAULT = (
    "method", "backbone", "accuracy", "interval", "seeds", "episodes", "rank", "mde80",
    "flags", "time", "memory", "source", "note",
)  # fmt: skip


def chosen(names: Iterable[str]) -> list[Column]:
    """Columns by name; raises ConfigError for one that there is not."""
    names = list(names)
    for name in names:
        if name not in COLUMNS:
            raise ConfigError(f"there is no column {name!r}; there are: {', '.join(COLUMNS)}")
    return [COLUMNS[name] for name in names]
