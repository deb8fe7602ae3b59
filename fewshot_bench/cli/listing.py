"""``fsbench list``: what there is, without importing torch."""

from typing import Annotated

import typer
from tabulate import tabulate

from fewshot_bench.cli.output import Json, echo_json
from fewshot_bench.cli.plugins import run_plugins
from fewshot_bench.registry import (
    BACKBONES,
    BENCHMARKS,
    CLASSIFIERS,
    HEADS,
    LOSSES,
    METHODS,
    OBJECTIVES,
    OPTIMIZERS,
    REFINERS,
    SAMPLERS,
    TRANSFORMS,
    Registry,
)

app = typer.Typer(
    help="List methods, benchmarks and the parts that methods are made of.", no_args_is_help=True
)

Plugins = Annotated[list[str] | None, typer.Option("--plugin", help="Python file to run first.")]


@app.command()
def methods(plugin: Plugins = None, as_json: Json = False) -> None:
    """Methods, their setting (may one query's prediction depend on the others?) and paper."""
    _show(METHODS, plugin, as_json, ("name", "setting", "summary", "paper"))


@app.command()
def benchmarks(plugin: Plugins = None, as_json: Json = False) -> None:
    """Benchmarks and where they come from."""
    _show(BENCHMARKS, plugin, as_json, ("name", "summary", "paper"))


@app.command()
def backbones(plugin: Plugins = None, as_json: Json = False) -> None:
    """Backbones and where they come from."""
    _show(BACKBONES, plugin, as_json, ("name", "summary", "paper"))


@app.command()
def losses(plugin: Plugins = None, as_json: Json = False) -> None:
    """Losses of the inner loop and where they come from."""
    _show(LOSSES, plugin, as_json, ("name", "summary", "paper"))


@app.command()
def samplers(plugin: Plugins = None, as_json: Json = False) -> None:
    """Ways to draw episodes and where they come from."""
    _show(SAMPLERS, plugin, as_json, ("name", "summary", "paper"))


@app.command()
def heads(plugin: Plugins = None, as_json: Json = False) -> None:
    """Heads of gradient learners: where the classifier of a task begins."""
    _show(HEADS, plugin, as_json, ("name", "summary", "paper"))


@app.command()
def optimizers(plugin: Plugins = None, as_json: Json = False) -> None:
    """Inner optimisers of gradient learners."""
    _show(OPTIMIZERS, plugin, as_json, ("name", "summary", "paper"))


@app.command()
def objectives(plugin: Plugins = None, as_json: Json = False) -> None:
    """Objectives of pre-training: what a backbone learns as a classifier."""
    _show(OBJECTIVES, plugin, as_json, ("name", "summary", "paper"))


@app.command()
def transforms(plugin: Plugins = None, as_json: Json = False) -> None:
    """Transforms of features, before they are classified."""
    _show(TRANSFORMS, plugin, as_json, ("name", "setting", "summary", "paper"))


@app.command()
def classifiers(plugin: Plugins = None, as_json: Json = False) -> None:
    """Classifiers of features."""
    _show(CLASSIFIERS, plugin, as_json, ("name", "summary", "paper"))


@app.command()
def refiners(plugin: Plugins = None, as_json: Json = False) -> None:
    """Refiners of predictions, which see all queries together."""
    _show(REFINERS, plugin, as_json, ("name", "summary", "paper"))


def _show(
    registry: Registry, plugins: list[str] | None, as_json: bool, columns: tuple[str, ...]
) -> None:
    run_plugins(plugins)
    rows = [{column: getattr(entry, column) for column in columns} for entry in registry]
    if as_json:
        return echo_json(rows)
    cells = [list(row.values()) for row in rows]
    return typer.echo(tabulate(cells, columns, tablefmt="plain", disable_numparse=True))
