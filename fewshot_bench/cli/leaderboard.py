"""``fsbench leaderboard``: tables, page and pictures from stored results; built without torch."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from fewshot_bench.cli.output import Json, echo_json
from fewshot_bench.errors import DataError, ResultError
from fewshot_bench.files import write_atomic
from fewshot_bench.leaderboard.board import Leaderboard
from fewshot_bench.leaderboard.board_file import load_board
from fewshot_bench.leaderboard.build import PUBLISHED, RESULTS, build_leaderboard, read_leaderboard
from fewshot_bench.leaderboard.check import check_stored
from fewshot_bench.leaderboard.cited import filled, pages
from fewshot_bench.leaderboard.datasets import read_datasets
from fewshot_bench.leaderboard.measured import read_stored
from fewshot_bench.leaderboard.published import read_published
from fewshot_bench.leaderboard.render import FORMATS, Style, render, stale, write
from fewshot_bench.leaderboard.rerun import read_reruns
from fewshot_bench.lock import locked

app = typer.Typer(help="Build the leaderboard from files, or check it.", no_args_is_help=True)

Root = Annotated[Path, typer.Option(help="Folder with results/ and published.csv.")]
Columns = Annotated[
    str | None, typer.Option(help="Columns of the tables, with commas; an unknown one lists all.")
]
Sort = Annotated[str, typer.Option(help="Column to sort by.")]
Format = Annotated[
    str | None, typer.Option("--format", help="Some of md, tex, csv, json, html, with commas.")
]
Pictures = Annotated[bool, typer.Option(help="Draw pictures of each board too (slower).")]

DEFAULT_ROOT = Path("leaderboards")


@app.command()
def build(
    root: Root = DEFAULT_ROOT,
    columns: Columns = None,
    sort: Sort = "accuracy",
    formats: Format = None,
    pictures: Pictures = False,
    as_json: Json = False,
) -> None:
    """Write tables (Markdown, LaTeX, CSV, JSON) and the page; only what has changed is written.

    Numbers between ``<!-- board ... -->`` markers of pages beside the folder are written, too.

    Result files that can't be used are named, and the rest is built.
    """
    style = Style(
        _words(columns) if columns else None, sort, _words(formats) if formats else FORMATS
    )
    _check_root(root)
    with locked(root / RESULTS, f"the leaderboard in {root}"):
        leaderboard, problems = read_leaderboard(root)
        for line in problems:
            typer.echo(f"left out: {line}", err=True)
        changed = write(root, render(leaderboard, style), style)
        for page, text in _pages(root, leaderboard):
            write_atomic(page, text.encode())
            changed.append(str(page))
        if pictures:
            changed += _draw(root)
    rows = leaderboard.rows().values()
    measured = sum(row.kind == "measured" for row in rows)
    counts = {
        "measured": measured,
        "published": len(rows) - measured,
        "boards": len(leaderboard.boards),
    }
    if as_json:
        return echo_json({**counts, "written": changed, "left_out": problems})
    return typer.echo(
        f"{measured} measured and {counts['published']} published rows on"
        f" {counts['boards']} boards; {len(changed)} files written in {root}"
    )


@app.command()
def check(root: Root = DEFAULT_ROOT, as_json: Json = False) -> None:
    """For CI: is every submitted result valid, and are the tables and the page up to date?"""
    _check_root(root)
    stored, datasets = read_stored(root / RESULTS), read_datasets(root)
    lines = check_stored(stored, root / RESULTS, datasets)
    table = root / PUBLISHED
    published = read_published(table) if table.exists() else []
    leaderboard = build_leaderboard(stored, published, datasets, read_reruns(root))
    outdated = [str(root / path) for path in stale(root, render(leaderboard))]
    outdated += [str(page) for page, _ in _pages(root, leaderboard)]
    lines += [f"{path}: not up to date; run fsbench leaderboard build" for path in outdated]
    if as_json:
        echo_json({"results": len(stored.folders), "problems": lines})
    for line in [] if as_json else lines:
        typer.echo(line)
    if lines:
        raise ResultError(f"{len(lines)} problem{'s' if len(lines) > 1 else ''} in {root}")
    if not as_json:
        typer.echo(f"{len(stored.folders)} results are valid, and everything is up to date")


def _pages(root: Path, leaderboard: Leaderboard) -> Iterator[tuple[Path, str]]:
    """Pages whose numbers are not those of the leaderboard, and their text as it should be."""
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        if (new := filled(text, leaderboard, str(page))) != text:
            yield page, new


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _check_root(root: Path) -> None:
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; go to a clone of fewshot_bench, or give --root")
    if not (root / RESULTS).is_dir() and not (root / PUBLISHED).is_file():
        raise DataError(
            f"{root} is no leaderboard: it holds neither {RESULTS}/ nor {PUBLISHED}; give --root"
        )


def _draw(root: Path) -> list[str]:
    """Pictures of each board, and of several ones of a benchmark, beside the tables."""
    # Imports matplotlib, which is for --pictures only.
    from fewshot_bench.leaderboard.plots.boards import board_pictures
    from fewshot_bench.leaderboard.plots.files import save
    from fewshot_bench.leaderboard.plots.summaries import summary_pictures

    drawn = []
    leaderboard = load_board(root / "board.json")
    for stem, figure in (*board_pictures(leaderboard), *summary_pictures(leaderboard)):
        for suffix in ("svg", "png"):
            save(figure, root / "pictures" / f"{stem}.{suffix}")
            drawn.append(f"pictures/{stem}.{suffix}")
    return drawn
