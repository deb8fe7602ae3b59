"""``fsbench plot``: pictures of results."""

from pathlib import Path
from typing import Annotated

import typer

from fewshot_bench.cli.options import Level, ResultFolders
from fewshot_bench.cli.output import Json, echo_json
from fewshot_bench.evaluation.entrants import load_entrants
from fewshot_bench.leaderboard.plots.drawing import draw
from fewshot_bench.leaderboard.plots.files import check_suffix, save

Kind = Annotated[str, typer.Argument(help="interval, cd, profile, curves, cost, pairs or classes.")]
Out = Annotated[Path, typer.Option("--out", help="File to write: .svg, .png or .pdf.")]


def plot(
    kind: Kind, results: ResultFolders, out: Out, level: Level = 0.95, as_json: Json = False
) -> None:
    """Draw results: a picture one column wide that can be read in grey.

    interval: accuracies with intervals. cd: mean ranks over data sets, or over episodes of one.
    profile: share of episodes above each accuracy. curves: validation accuracy in training.
    cost: accuracy against seconds. pairs: paired differences. classes: accuracy by class.
    """
    check_suffix(out)
    figure = draw(kind, load_entrants(*results), level)
    save(figure, out)
    if as_json:
        return echo_json({"kind": kind, "file": out})
    return typer.echo(f"wrote {out}")
