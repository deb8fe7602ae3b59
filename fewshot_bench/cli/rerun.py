"""``fsbench results rerun``: a row of the leaderboard run again, and a verdict on it."""

from pathlib import Path
from typing import Annotated

import typer

from fewshot_bench.cli import options as o
from fewshot_bench.cli.output import echo_json
from fewshot_bench.cli.plugins import run_plugins
from fewshot_bench.evaluation.result import RESULT, read_result
from fewshot_bench.leaderboard.build import RESULTS
from fewshot_bench.leaderboard.measured import read_stored, row_id
from fewshot_bench.leaderboard.rerun import CONTRADICTED, find_row, judge_rerun, remember_rerun
from fewshot_bench.lock import locked

Row = Annotated[
    str, typer.Argument(help="Id of a row, beginning of that of a result, or its folder.")
]
Benchmark = Annotated[
    str | None, typer.Option("--benchmark", "-b", help="The data here, where they are a folder.")
]
Episodes = Annotated[int, typer.Option(min=2, help="How many of the stored ones.")]
Root = Annotated[Path, typer.Option(help="The leaderboard that it stands on.")]


def rerun(
    row: Row,
    episodes: Episodes = 100,
    root: Root = Path("leaderboards"),
    benchmark: Benchmark = None,
    device: o.Device = "auto",
    workers: o.Workers = 0,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    plugin: o.Plugins = None,
) -> None:
    """Run a row of the leaderboard again: the stored weights, or trained anew without them.

    Compares the first episodes with the stored predictions, says whether they agree, and writes the
    verdict beside the results. Ends with 1 if the row is contradicted.
    """
    run_plugins(plugin)
    inside = Path(row)
    named = read_result(inside).document.result_id if (inside / RESULT).is_file() else row
    stored = find_row(read_stored(root / RESULTS), named)
    # Imports torch, which mistakes in names do without.
    from fewshot_bench.cli.rerunning import again

    pairs = [again(one, episodes, benchmark, device, workers, quiet=quiet) for one in stored]
    verdict = judge_rerun(row_id(stored[0]), pairs)
    with locked(root / RESULTS, f"the leaderboard in {root}"):
        remember_rerun(root, verdict)
    if as_json:
        echo_json(vars(verdict))
    else:
        typer.echo(f"{stored[0].document.method.id} ({verdict.row}) {verdict.words}")
    if verdict.verdict == CONTRADICTED:
        raise typer.Exit(1)
