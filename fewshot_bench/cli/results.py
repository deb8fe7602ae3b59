"""``fsbench results``: stored evaluations listed, shown, verified and submitted, without torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fewshot_bench.evaluation.result import Result

app = typer.Typer(help="List, show, verify or submit stored results.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Folder that is searched for results.")]
Folders = Annotated[list[Path], typer.Argument(help="Folders that are searched for results.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Root = Annotated[Path, typer.Option(help="The leaderboard they are added to.")]


@app.command("list")
def list_results(folder: Folder = Path("leaderboards/results"), as_json: Json = False) -> None:
    """One line per result; files that can't be used are named on standard error."""
    import json

    results = _results([folder])
    if as_json:
        typer.echo(json.dumps([_facts(result) for _, result in results], indent=1))
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
    facts = [_facts(result) for _, result in results]
    rows = [{**table, "accuracy": f"{100 * table['accuracy']:.2f}"}.values() for table in facts]
    typer.echo(_printable(tabulate(rows, heads, tablefmt="simple", disable_numparse=True)))


@app.command()
def show(folder: Folder, as_json: Json = False) -> None:
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
    from fewshot_bench.leaderboard.check import check_result

    results, bad = _results(folders), 0
    for folder, result in results:
        reasons = list(check_result(result))
        bad += bool(reasons)
        for reason in reasons:
            typer.echo(_printable(f"{folder}: {reason}"))
    if bad:
        raise ResultError(f"{bad} of {len(results)} results are not valid")
    typer.echo(f"{len(results)} results are valid")


@app.command()
def add(folders: Folders, root: Root = Path("leaderboards")) -> None:
    """Submit results: copy them, checked and compact, to their place in the leaderboard."""
    from fewshot_bench.errors import ResultError
    from fewshot_bench.evaluation.result import write_result
    from fewshot_bench.leaderboard.build import RESULTS
    from fewshot_bench.leaderboard.check import check_result
    from fewshot_bench.leaderboard.datasets import DATASETS, remember
    from fewshot_bench.leaderboard.measured import place

    results = _results(folders)
    for folder, result in results:  # all before any is copied
        for reason in check_result(result):
            raise ResultError(f"{folder} is not valid: {reason}")
    for _, result in results:
        target = root / RESULTS / place(result)
        write_result(result, target)
        typer.echo(f"added: {target}")
        if remember(root, result):
            typer.echo(f"new data: {root / DATASETS} has a new line; say in its note what they are")
    typer.echo("next: fsbench leaderboard build, fsbench leaderboard check")


def _results(folders: list[Path]) -> "list[tuple[Path, Result]]":
    """All usable results under some folders; the others are named."""
    from fewshot_bench.errors import ResultError
    from fewshot_bench.leaderboard.measured import read_stored

    found = []
    for folder in folders:
        stored = read_stored(folder)
        for line in stored.problems:
            typer.echo(f"left out: {line}", err=True)
        results = [result for row in stored.rows.values() for result in row]
        found += [(stored.folders[result.info["result_id"]], result) for result in results]
        if not results:
            raise ResultError(f"{folder} holds no usable result; run fsbench evaluate first")
    return found


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
