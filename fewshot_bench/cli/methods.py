"""``fsbench methods``: whether a method keeps the contract."""

from typing import Annotated

import typer

from fewshot_bench.cli import options as o
from fewshot_bench.cli.output import Json, echo_json
from fewshot_bench.cli.plugins import run_plugins
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.build import build_method
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.testing import Outcome, examine

app = typer.Typer(help="Check methods.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Registered name.")]
Side = Annotated[int, typer.Option(min=8, help="Side of the images in pixels.")]
Channels = Annotated[int, typer.Option(min=1, help="Channels of the images.")]
Ways = Annotated[int, typer.Option("--n-way", min=2, help="Classes per episode.")]
Backbone = Annotated[str, typer.Option(help="See: fsbench list backbones.")]


@app.callback()
def _group() -> None:
    """Check methods."""


@app.command()
def check(
    name: Name,
    plugin: o.Plugins = None,
    image_size: Side = 28,
    channels: Channels = 1,
    n_way: Ways = 5,
    backbone: Backbone = "conv4-32",
    settings: o.Settings = None,
    as_json: Json = False,
) -> None:
    """Look for what a method does otherwise than it must, on a made-up episode.

    Needs no data. Exits with code 2 where there is a problem; notes are no problems.
    """
    run_plugins(plugin)

    image = ImageShape(channels, image_size)
    method = build_method(name, Setup(backbone, image, n_way), o.method_options(settings))
    outcomes = []
    for outcome in examine(method, image, n_way, name=name):
        outcomes.append(outcome)
        if not as_json:
            _show(outcome)
    ok = all(problem.note for outcome in outcomes for problem in outcome.problems)
    if as_json:
        checks = [{"title": one.title, "problems": one.problems} for one in outcomes]
        echo_json({"method": name, "ok": ok, "checks": checks})
    raise typer.Exit(0 if ok else 2)


def _show(outcome: Outcome) -> None:
    if not outcome.problems:
        typer.echo(f"ok       {outcome.title}")
    for problem in outcome.problems:
        typer.echo(f"{'note' if problem.note else 'problem':7}  {problem}")
