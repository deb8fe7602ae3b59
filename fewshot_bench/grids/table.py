"""What the results of a grid say: one accuracy with an interval for each cell."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.result import read_result
from fewshot_bench.grids.fill import Cell
from fewshot_bench.stats import Interval

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Entry:
    """One method on one embedding, over all its training seeds.

    Attributes:
        embedding: name.
        method: registered name.
        n_shot: support images per class.
        setting: whether queries may see each other.
        told_counts: whether it takes equal numbers of queries in each class for granted.
        seeds: training seeds.
        episodes: of each seed.
        interval: mean accuracy and its limits, fractions; about the method where there are
            several seeds, else about other episodes of this model.
        folders: where the results are.
    """

    embedding: str
    method: str
    n_shot: int
    setting: str
    told_counts: bool
    seeds: tuple[int, ...]
    episodes: int
    interval: Interval
    folders: tuple[Path, ...]

    def record(self) -> dict[str, Any]:
        """JSON values, accuracies as fractions."""
        table = dataclasses.asdict(self)
        return table | {"folders": [str(folder) for folder in self.folders]}


@dataclass(frozen=True)
class Grid:
    """A measured grid.

    Attributes:
        entries: one for each cell that has a result.
        failures: one line for each that has none.
        sampler: how episodes were drawn.
        level: confidence level of the intervals.
    """

    entries: tuple[Entry, ...]
    failures: tuple[str, ...]
    sampler: str
    level: float

    def table(self) -> "pd.DataFrame":
        """One row per cell: names, mean accuracy, its limits, numbers of seeds and episodes."""
        import pandas as pd

        return pd.DataFrame(
            {
                "method": entry.method,
                "setting": entry.setting,
                "embedding": entry.embedding,
                "n_shot": entry.n_shot,
                "accuracy": entry.interval.mean,
                "low": entry.interval.low,
                "high": entry.interval.high,
                "seeds": len(entry.seeds),
                "episodes": entry.episodes,
            }
            for entry in self.entries
        )

    def save_plot(self, path: Path | str) -> None:
        """Draw the heat map into a file, by its suffix ``.png``, ``.svg`` or ``.pdf``.

        Raises:
            ConfigError: another suffix, or there is no cell to draw.
        """
        from fewshot_bench.grids.picture import picture
        from fewshot_bench.leaderboard.plots.files import save

        save(picture(self), Path(path))

    def __str__(self) -> str:
        return "\n\n".join(self._text(n_shot) for n_shot in shots(self.entries))

    def _text(self, n_shot: int) -> str:
        """One table in percent: rows are methods, columns embeddings."""
        entries = [entry for entry in self.entries if entry.n_shot == n_shot]
        names = list(dict.fromkeys(entry.embedding for entry in entries))
        rows = [
            [method, setting, *(_percent(found.get(name)) for name in names)]
            for method, setting, found in by_method(entries)
        ]
        return tabulate(rows, [f"{n_shot}-shot, {self.sampler}", "setting", *names])


def shots(entries: Sequence[Entry]) -> list[int]:
    """Numbers of support images per class, in their order."""
    return sorted({entry.n_shot for entry in entries})


def by_method(entries: Sequence[Entry]) -> Iterator[tuple[str, str, dict[str, Entry]]]:
    """Rows in the order of measurement: method, its setting, and its entries by embedding."""
    for method in dict.fromkeys(entry.method for entry in entries):
        found = {entry.embedding: entry for entry in entries if entry.method == method}
        one = next(iter(found.values()))
        yield method, one.setting + (", told counts" if one.told_counts else ""), found


def _percent(entry: Entry | None) -> str:
    if entry is None:
        return ""
    interval = entry.interval
    return f"{100 * interval.mean:.2f} ± {100 * (interval.high - interval.low) / 2:.2f}"


def read_grid(
    cells: Sequence[Cell], failures: Sequence[str], root: Path, sampler: str, level: float
) -> Grid:
    """Read the results of cells from the folder of a grid.

    Raises:
        ResultError: a result is damaged, or seeds were measured on different episodes.
    """
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.embedding, cell.method, cell.n_shot), []).append(cell)
    entries = (_entry(same, root, sampler, level) for same in groups.values())
    return Grid(tuple(entries), tuple(failures), sampler, level)


def _entry(cells: Sequence[Cell], root: Path, sampler: str, level: float) -> Entry:
    folders = tuple(cell.folder(root, sampler) for cell in cells)
    results = [read_result(folder) for folder in folders]
    first, document = cells[0], results[0].document
    return Entry(
        embedding=first.embedding,
        method=first.method,
        n_shot=first.n_shot,
        setting=document.method.setting,
        told_counts=document.method.told_counts,
        seeds=tuple(cell.seed for cell in cells),
        episodes=len(results[0].accuracy),
        interval=interval_of(results, "closed", level),
        folders=folders,
    )
