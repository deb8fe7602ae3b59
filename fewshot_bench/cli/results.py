"""``fsbench results``: stored evaluations listed, shown, verified and submitted, without torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fewshot_bench.evaluation.result import Result
    from fewshot_bench.leaderboard.measured import Stored

app = typer.Typer(help="List, show, verify or submit stored results.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Folder that is searched for results.")]
One = Annotated[Path, typer.Argument(help="Folder of one result.")]
Folders = Annotated[list[Path], typer.Argument(help="Folders that are searched for results.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Root = Annotated[Path, typer.Option(help="The leaderboard they are added to.")]


@app.command("list")
def list_results(folder: Folder = Path("leaderboards/results"), as_json: Json = False) -> None:
    """One line per result; files that can't be used are named on standard error."""
    import json

    stored = _stored([folder])
    for line in stored.problems:
        typer.echo(f"left out: {line}", err=True)
    facts = [_facts(result) for _, result in _each(stored)]
    if as_json:
        typer.echo(json.dumps(facts, indent=1))
        return
    from tabulate import tabulate

    heads = (
        "result",
        "method",
        "backbone",
        "benchmark",
        "protocol",
        "seed",
        "episodes",
        "accuracy %",
    )
    rows = [{**table, "accuracy": f"{100 * table['accuracy']:.2f}"}.values() for table in facts]
    typer.echo(_printable(tabulate(rows, heads, tablefmt="simple", disable_numparse=True)))


@app.command()
def show(folder: One, as_json: Json = False) -> None:
    """Everything that one result says of itself."""
    import json

    from fewshot_bench.evaluation.intervals import interval_of, question
    from fewshot_bench.evaluation.result import read_result

    result = read_result(folder)
    if as_json:
        typer.echo(json.dumps(result.info, indent=1, sort_keys=True))
        return
    info, interval = result.info, interval_of([result], "closed", 0.95)
    lines = [f"{name}: {value}" for name, value in _facts(result).items() if name != "accuracy"]
    lines += [
        f"accuracy: {100 * interval.mean:.2f} % +- {100 * interval.half_width:.2f}"
        f" (95% {interval.estimand}): {question([result], 'closed')}",
        f"setting: {info['method']['setting']}",
        f"data: {info['dataset']['fingerprint'][:12]}",
        f"tool: {_plain(info.get('tool', {}))}",
        f"created: {info['created_utc']}",
        f"environment: {_plain(info.get('env', {}))}",
        f"timing: {_plain(info['timing'])}",
        f"failures: {len(info['failures'])}",
        "settings:",
    ]
    typer.echo(_printable("\n".join(lines)))
    typer.echo(json.dumps(info["method"]["config"], indent=1, sort_keys=True))


@app.command()
def verify(folders: Folders) -> None:
    """Check results as the leaderboard does: episodes, counts, summary, seeds and classes."""
    from fewshot_bench.errors import ResultError
    from fewshot_bench.leaderboard.check import check_result, check_row

    stored = _stored(folders)
    lines = list(stored.problems)
    for folder, result in _each(stored):
        lines += [f"{folder}: {reason}" for reason in check_result(result)]
    for results in stored.rows.values():
        lines += check_row(results)
    for line in lines:
        typer.echo(_printable(line))
    if lines:
        many = "s" if len(lines) > 1 else ""
        raise ResultError(f"{len(lines)} problem{many}: not all results are valid and complete")
    typer.echo(f"{len(stored.folders)} results are valid")


@app.command()
def add(folders: Folders, root: Root = Path("leaderboards")) -> None:
    """Submit results: copy them, checked and compact, to their place in the leaderboard."""
    from fewshot_bench.errors import ResultError
    from fewshot_bench.evaluation.result import write_result
    from fewshot_bench.leaderboard.build import RESULTS
    from fewshot_bench.leaderboard.datasets import DATASETS, read_datasets, remember
    from fewshot_bench.leaderboard.measured import place, read_stored
    from fewshot_bench.leaderboard.submit import objections

    stored, there = _stored(folders), read_stored(root / RESULTS)
    for line in objections(stored, there, read_datasets(root)):  # before anything is copied
        raise ResultError(f"nothing was added: {line}")
    for _, result in _each(stored):
        target = root / RESULTS / place(result)
        write_result(result, target)
        typer.echo(f"added: {target}")
        if remember(root, result):
            typer.echo(f"new data: {root / DATASETS} has a new line; say in its note what they are")
    typer.echo("next: fsbench leaderboard build, fsbench leaderboard check")


def _stored(folders: list[Path]) -> "Stored":
    """The results under some folders, each of which must hold one."""
    from fewshot_bench.errors import ResultError
    from fewshot_bench.evaluation.result import RESULT
    from fewshot_bench.leaderboard.measured import read_stored

    for folder in folders:
        if next(folder.rglob(RESULT), None) is None:
            raise ResultError(f"{folder} holds no result; run fsbench evaluate first")
    return read_stored(*folders)


def _each(stored: "Stored") -> "Iterator[tuple[Path, Result]]":
    """Every usable result and where it lies, row by row."""
    for results in stored.rows.values():
        for result in results:
            yield stored.folders[result.info["result_id"]], result


def _facts(result: "Result") -> dict[str, Any]:
    info = result.info
    return {
        "result": info["result_id"][:12],
        "method": info["method"]["id"],
        "backbone": info["method"]["config"]["backbone"],
        "benchmark": info["dataset"]["id"],
        "protocol": info["protocol"]["id"],
        "seed": info["checkpoint"]["training_seed"],
        "episodes": len(result.accuracy),
        "accuracy": float(result.accuracy.mean()),
    }


def _plain(table: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(table.items()) if value is not None)


def _printable(text: str) -> str:
    """Without control characters, which could move the cursor of a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
