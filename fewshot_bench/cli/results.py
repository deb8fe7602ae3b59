"""``fsbench results``: stored evaluations listed, shown, verified, run again and submitted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from fewshot_bench.cli.options import Level
from fewshot_bench.cli.output import Json, echo_json
from fewshot_bench.cli.rerun import rerun
from fewshot_bench.errors import ResultError
from fewshot_bench.evaluation.entrants import load_entrants, with_distinct_names
from fewshot_bench.evaluation.intervals import in_percent, interval_of, question
from fewshot_bench.evaluation.numbers import flag_words, points
from fewshot_bench.evaluation.result import RESULT, Result, read_result, write_result
from fewshot_bench.evaluation.tables import as_text, intervals_table, records, results_table
from fewshot_bench.leaderboard.build import RESULTS
from fewshot_bench.leaderboard.check import check_result, check_row
from fewshot_bench.leaderboard.checks.older import accepted
from fewshot_bench.leaderboard.datasets import DATASETS, read_datasets, remember
from fewshot_bench.leaderboard.measured import Stored, place, read_stored
from fewshot_bench.leaderboard.submit import objections
from fewshot_bench.lock import locked

app = typer.Typer(
    help="List, show, verify or submit stored results, and their intervals.", no_args_is_help=True
)

Folder = Annotated[Path, typer.Argument(help="Folder that is searched for results.")]
One = Annotated[Path, typer.Argument(help="Folder of one result, or of the seeds of a method.")]
Folders = Annotated[list[Path], typer.Argument(help="Folders that are searched for results.")]
PerClass = Annotated[bool, typer.Option("--per-class", help="Accuracy on each class.")]
Kind = Annotated[
    str, typer.Option("--interval", help="What may be new: closed, open_images or open_classes.")
]
Root = Annotated[Path, typer.Option(help="The leaderboard they are added to.")]


@app.command("list")
def list_results(folder: Folder = Path("leaderboards/results"), as_json: Json = False) -> None:
    """One line per result; files that can't be used are named on standard error."""
    stored = _stored([folder])
    for line in stored.problems:
        typer.echo(f"left out: {line}", err=True)
    table = results_table([result for _, result in _each(stored)])
    if as_json:
        return echo_json(records(table))
    heads = [*table.columns[:-1], "accuracy %"]
    rows = table.assign(accuracy=table["accuracy"].map(points)) if len(table) else table
    return typer.echo(_printable(as_text(rows.to_numpy().tolist(), heads)))


@app.command()
def show(folder: One, as_json: Json = False, per_class: PerClass = False) -> None:
    """Everything that one result says of itself, or its accuracy on each class.

    Of a folder that holds several results it lists them, with the interval of each method.
    """
    if not (folder / RESULT).exists() and len(list(folder.rglob(RESULT))) > 1:
        return _show_seeds(folder, as_json)
    result = read_result(folder)
    if per_class:
        table = result.per_class()
        if as_json:
            return echo_json(records(table))
        rows = [
            (name, *map(points, limits), n) for name, *limits, n in table.itertuples(index=False)
        ]
        heads = ("class", "accuracy %", "low", "high", "episodes")
        return typer.echo(_printable(as_text(rows, heads)))
    if as_json:
        return echo_json(result.document.table())
    return _show(result)


def _show_seeds(folder: Path, as_json: bool) -> None:
    """The methods in a folder: the interval of each, and a line for each of its seeds."""
    entrants = with_distinct_names(load_entrants(folder))
    found = {one.name: interval_of(one.results, "closed", 0.95) for one in entrants}
    tables = {one.name: results_table(one.results) for one in entrants}
    if as_json:
        methods = records(intervals_table(found))
        return echo_json(
            [{**method, "results": records(tables[method["name"]])} for method in methods]
        )
    for one in entrants:
        typer.echo(_printable(f"{one.name}: {in_percent(found[one.name])}"))
        rows = tables[one.name][["seed", "accuracy", "episodes", "result"]]
        lines = [
            (seed, points(mean), n, name) for seed, mean, n, name in rows.itertuples(index=False)
        ]
        typer.echo(_printable(as_text(lines, ("seed", "accuracy %", "episodes", "result"))))
    return None


def _show(result: Result) -> None:
    document, interval = result.document, result.interval()
    [facts] = records(results_table([result]).drop(columns="accuracy"))
    lines = [f"{name}: {value}" for name, value in facts.items()]
    lines += [
        f"accuracy: {100 * interval.mean:.2f} % +- {100 * interval.half_width:.2f}"
        f" (95% {interval.estimand}): {question([result], 'closed')}",
        f"setting: {document.method.setting}",
        f"data: {document.dataset.fingerprint[:12]}",
        f"tool: {_plain(document.tool.table())}",
        f"created: {document.created_utc}",
        f"environment: {_plain(document.env)}",
        f"timing: {_plain(document.timing.table())}",
        f"failures: {len(document.failures)}",
        "settings:",
    ]
    typer.echo(_printable("\n".join(lines)))
    echo_json(document.method.config.table())


@app.command()
def interval(
    folders: Folders, kind: Kind = "closed", level: Level = 0.95, as_json: Json = False
) -> None:
    """Intervals of stored results, from their predictions; seeds of one configuration together."""
    entrants = with_distinct_names(load_entrants(*folders))
    found = {one.name: interval_of(one.results, kind, level) for one in entrants}
    if as_json:
        return echo_json(records(intervals_table(found)))
    for one in entrants:
        its = found[one.name]
        typer.echo(_printable(f"{one.name}: {in_percent(its)}"))
        typer.echo(f"  about {question(one.results, kind)}")
        if its.flags:
            typer.echo(f"  take care: {flag_words(its.flags)} (see docs/statistics.md)")
    return None


@app.command()
def verify(folders: Folders, as_json: Json = False) -> None:
    """Check results as the leaderboard does: episodes, counts, summary, seeds and classes."""
    stored = _stored(folders)
    lines = list(stored.problems)
    for folder, result in _each(stored):
        lines += [f"{folder}: {reason}" for reason in check_result(result)]
    for results in stored.rows.values():
        lines += check_row(results)
    if as_json:
        echo_json({"results": len(stored.folders), "problems": lines})
    for line in [] if as_json else lines:
        typer.echo(_printable(line))
    if lines:
        many = "s" if len(lines) > 1 else ""
        raise ResultError(f"{len(lines)} problem{many}: not all results are valid and complete")
    if not as_json:
        typer.echo(f"{len(stored.folders)} results are valid")


app.command()(rerun)


@app.command()
def add(folders: Folders, root: Root = Path("leaderboards"), as_json: Json = False) -> None:
    """Submit results: copy them, checked and compact, to their place in the leaderboard."""
    _checked(folders, root)  # before a lock makes the leaderboard's folder
    with locked(root / RESULTS, f"the leaderboard in {root}"):
        added, new_data = _add(_checked(folders, root), root)
    if as_json:
        return echo_json({"added": added, "new_data": new_data})
    for target in added:
        typer.echo(f"added: {target}")
    for name in new_data:
        typer.echo(f"new data: {root / DATASETS} has a new line on {name}; say in its note what")
    return typer.echo("next: fsbench leaderboard build, fsbench leaderboard check")


def _checked(folders: list[Path], root: Path) -> Stored:
    """Results that may be added; raises ResultError with the first reason against them."""
    stored, there = _stored(folders), read_stored(root / RESULTS)
    against = objections(stored, there, read_datasets(root), accepted(root))
    for line in against:  # before anything is copied
        raise ResultError(f"nothing was added: {line}")
    return stored


def _add(stored: Stored, root: Path) -> tuple[list[Path], list[str]]:
    """Copy results; their places, and the benchmarks whose data are new."""
    added: list[Path] = []
    new_data: list[str] = []
    for _, result in _each(stored):
        added.append(root / RESULTS / place(result))
        write_result(result, added[-1])
        if remember(root, result):
            new_data.append(result.document.dataset.id)
    return added, new_data


def _stored(folders: list[Path]) -> Stored:
    """The results under some folders, each of which must hold one."""
    for folder in folders:
        if next(folder.rglob(RESULT), None) is None:
            raise ResultError(f"{folder} holds no result; run fsbench evaluate first")
    return read_stored(*folders)


def _each(stored: Stored) -> Iterator[tuple[Path, Result]]:
    """Every usable result and where it lies, row by row."""
    for results in stored.rows.values():
        for result in results:
            yield stored.folders[result.document.result_id], result


def _plain(table: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(table.items()) if value is not None)


def _printable(text: str) -> str:
    """Without control characters, which could move the cursor of a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
