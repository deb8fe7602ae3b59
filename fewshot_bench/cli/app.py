"""The commands of ``fsbench``, put together."""

from typing import Annotated

import typer

from fewshot_bench import __version__
from fewshot_bench.cli import (
    compare,
    data,
    evaluate,
    leaderboard,
    listing,
    loss,
    methods,
    plot,
    predict,
    reproduce,
    results,
    train,
)

app = typer.Typer(
    name="fsbench",
    help="Few-shot-learning benchmarks: train, evaluate, compare.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fewshot_bench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    del version


app.command("evaluate")(evaluate.evaluate)
app.command("train")(train.train)
app.command("compare")(compare.compare)
app.command("plot")(plot.plot)
app.command("predict")(predict.predict)
app.command("reproduce")(reproduce.reproduce)
app.add_typer(listing.app, name="list")
app.add_typer(data.app, name="data")
app.add_typer(methods.app, name="methods")
app.add_typer(loss.app, name="loss")
app.add_typer(results.app, name="results")
app.add_typer(leaderboard.app, name="leaderboard")
