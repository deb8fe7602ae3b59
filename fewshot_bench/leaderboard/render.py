"""All files that are generated from a leaderboard, as bytes by relative path."""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.files import write_atomic
from fewshot_bench.leaderboard.board import Leaderboard
from fewshot_bench.leaderboard.board_file import dump_board
from fewshot_bench.leaderboard.page import render_page
from fewshot_bench.leaderboard.tables.columns import DEFAULT, PAPER, chosen
from fewshot_bench.leaderboard.tables.index import index_page
from fewshot_bench.leaderboard.tables.latex import HEAD, task_fragment
from fewshot_bench.leaderboard.tables.markdown import GENERATED, benchmark_page
from fewshot_bench.leaderboard.tables.order import all_tables, file_stem
from fewshot_bench.leaderboard.tables.sheet import FIELDS, benchmark_sheet
from fewshot_bench.reading import read_bytes

FORMATS = ("md", "tex", "csv", "json", "html")
TABLES = "tables"
# How generated files can be told from those of the user, near their beginning.
MARKS = {
    "md": GENERATED,
    "tex": HEAD,
    "csv": ",".join(FIELDS[:4]),
    "json": '{\n "boards": [',
    "html": "<title>Few-shot leaderboard</title>",
}
MARK_WITHIN = 2000  # bytes


@dataclass(frozen=True)
class Style:
    """How tables look; what is committed has the defaults.

    Attributes:
        columns: names of columns of Markdown and LaTeX tables, None for the usual ones of each; CSV
            has all.
        sort: column to sort by.
        formats: of :data:`FORMATS`.
    """

    columns: Sequence[str] | None = None
    sort: str = "accuracy"
    formats: Collection[str] = FORMATS


def render(leaderboard: Leaderboard, style: Style = Style()) -> dict[str, bytes]:
    """Relative path -> content of every generated file.

    Raises:
        ConfigError: there is no such column or format.
    """
    default = style.columns is None
    columns = chosen(DEFAULT if style.columns is None else style.columns)
    paper, [sort] = chosen(PAPER) if default else columns, chosen([style.sort])
    if unknown := set(style.formats) - set(FORMATS):
        raise ConfigError(f"no format {', '.join(sorted(unknown))}; there are {', '.join(FORMATS)}")
    files: dict[str, str] = {}
    everything = all_tables(leaderboard, sort)
    for name, same in itertools.groupby(everything, key=lambda table: table.benchmark):
        tables, stem = list(same), f"{TABLES}/{file_stem(name)}"
        files[f"{stem}.md"] = benchmark_page(tables, columns)
        files[f"{stem}.csv"] = benchmark_sheet(tables)
        for table in tables:
            files[f"{stem}-{table.slug}.tex"] = task_fragment(table, paper)
    files["README.md"] = index_page(everything)
    if "html" in style.formats:
        files["index.html"] = render_page(leaderboard)
    done = {path: text.encode() for path, text in files.items()}
    done["board.json"] = dump_board(leaderboard)
    return {path: data for path, data in done.items() if path.rsplit(".", 1)[1] in style.formats}


def write(root: Path, files: dict[str, bytes], style: Style) -> list[str]:
    """Write what has changed and remove tables of benchmarks that are gone.

    Returns:
        Relative paths of the files that were written or removed.

    Raises:
        DataError: a file of somebody else's has the name of a generated one; nothing was written.
        FsbenchError: the disk is full or the folder can't be written.
    """
    changed = [path for path, data in files.items() if _content(root / path) != data]
    for path in changed:
        if (root / path).exists() and not generated(root / path):
            raise DataError(
                f"{root / path} was not written by fsbench leaderboard build; move it away, or give"
                " another --root"
            )
    for path in changed:
        write_atomic(root / path, files[path])
    gone = [path for path in leftover(root, files) if path.rsplit(".", 1)[1] in style.formats]
    for path in gone:
        (root / path).unlink()
    return [*changed, *gone]


def stale(root: Path, files: dict[str, bytes]) -> list[str]:
    """Relative paths of generated files that are not what the results say."""
    return [p for p, data in files.items() if _content(root / p) != data] + leftover(root, files)


def leftover(root: Path, files: dict[str, bytes]) -> list[str]:
    """Generated tables on disk that no benchmark has any more."""
    there = sorted(p for p in (root / TABLES).glob("*.*") if generated(p))
    return [path for p in there if (path := f"{TABLES}/{p.name}") not in files]


def generated(path: Path) -> bool:
    """Whether a file was written by :func:`write`; only such files may be replaced or removed."""
    mark = MARKS.get(path.suffix[1:])
    if mark is None or not path.is_file():
        return False
    with path.open("rb") as file:
        return mark.encode() in file.read(MARK_WITHIN)


def _content(path: Path) -> bytes | None:
    return read_bytes(path) if path.is_file() else None
