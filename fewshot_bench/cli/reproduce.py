"""``fsbench reproduce``: run a published row and say whether its number came out."""

from pathlib import Path
from typing import Annotated, Any

import typer
from tabulate import tabulate

from fewshot_bench.cli import options as o
from fewshot_bench.cli.output import echo_json
from fewshot_bench.cli.plugins import run_plugins
from fewshot_bench.config import merge_tables, parse_setting
from fewshot_bench.errors import ConfigError
from fewshot_bench.leaderboard.reproduce import (
    Published,
    Reproduction,
    Verdict,
    judge,
    reproduction,
    reproductions,
)

Row = Annotated[str | None, typer.Argument(help="Name of the row, see --list.")]
List = Annotated[bool, typer.Option("--list", help="List the rows and stop.")]
Seeds = Annotated[str, typer.Option(help="Training seeds, as 0,1,2 or 0-2.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the results.")]


def reproduce(
    row: Row = None,
    list_rows: List = False,
    seeds: Seeds = "0,1,2",
    device: o.Device = "auto",
    workers: o.Workers = 0,
    out: Out = None,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    settings: o.Settings = None,
    plugin: o.Plugins = None,
    show_config: o.ShowConfig = False,
) -> None:
    """Train and test a published row as its source says, and compare the accuracies.

    Says whether the difference lies inside what chance can do (95 %), given the uncertainty of both
    numbers. Training takes hours on a GPU; --set train.steps=... tries whether it runs.
    """
    run_plugins(plugin)
    if list_rows:
        return _list(as_json)
    if row is None:
        raise ConfigError(
            "name a row to reproduce, as maml-mini-imagenet-conv4-32-1shot; see --list"
        )
    chosen = reproduction(row)
    config = chosen.config(merge_tables(*(parse_setting(text) for text in settings or [])))
    o.check_names(config)
    if show_config:
        return o.show_settings(config, as_json)
    # Imports torch, which --list and --show-config do without.
    from fewshot_bench.cli.measure import Output, measure

    output = Output(out, overwrite, quiet, as_json, says=not as_json)
    results = measure(config, o.seed_list(seeds), None, device, workers, output)
    verdict = judge(results, chosen.published)
    if as_json:
        return echo_json(_facts(chosen, verdict, settings or []))
    if settings:
        typer.echo(f"settings changed: {', '.join(settings)}; this is no reproduction of the row")
    _report(verdict, chosen.published)
    return None


def _facts(row: Reproduction, verdict: Verdict, changed: list[str]) -> dict[str, Any]:
    """A reproduction for programs: the number of the source, ours, and the verdict."""
    return {
        "row": row.name,
        "published": row.published.model_dump(),
        "settings_changed": changed,
        "measured": verdict.measured,
        "difference": verdict.difference,
        "margin": verdict.margin,
        "detectable": verdict.detectable,
        "inside": verdict.inside,
    }


def _list(as_json: bool) -> None:
    if as_json:
        rows = reproductions().values()
        return echo_json([{"row": one.name, **one.published.model_dump()} for one in rows])
    lines = [
        (one.name, _percent(one.published), one.published.source, one.published.where)
        for one in reproductions().values()
    ]
    heads = ("row", "published %", "source", "where")
    return typer.echo(tabulate(lines, heads, tablefmt="simple", disable_numparse=True))


def _percent(published: Published) -> str:
    half = published.half_width_percent
    return f"{published.accuracy_percent:.2f}" + ("" if half is None else f" +- {half:.2f}")


def _report(verdict: Verdict, published: Published) -> None:
    where = "inside" if verdict.inside else "outside"
    measured = verdict.measured
    typer.echo(
        f"published {_percent(published)} % ({published.source}, {published.where}),"
        f" measured {100 * measured.mean:.2f} +- {100 * measured.half_width:.2f} %"
        f" ({measured.estimand})"
    )
    typer.echo(
        f"{where} the margin: difference {100 * verdict.difference:+.2f} points, chance alone does"
        f" +-{100 * verdict.margin:.2f} (95 %)"
    )
    typer.echo(f"a true difference of {100 * verdict.detectable:.2f} points would be found in 80 %")
    if published.half_width_percent is None:
        typer.echo("the source gives no interval: the margin is that of our own number only")
    else:
        typer.echo("published intervals are about episodes: they leave out training seeds")
