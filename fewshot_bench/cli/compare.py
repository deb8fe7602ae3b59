"""``fsbench compare``: which of several results is better, on the same episodes."""

from typing import Annotated, Any

import typer

from fewshot_bench.cli.options import Level, ResultFolders
from fewshot_bench.cli.output import Json, Quiet, echo_json
from fewshot_bench.evaluation.by_data import DataGroup, comparable
from fewshot_bench.evaluation.compare import Comparison, compare_entrants
from fewshot_bench.evaluation.entrants import load_entrants
from fewshot_bench.evaluation.tables import (
    ABOUT,
    methods_table,
    methods_text,
    pairs_table,
    pairs_text,
    records,
)
from fewshot_bench.leaderboard.tables.paper import DEFAULT, comparison_table

Unpaired = Annotated[
    bool, typer.Option(help="Compare different episodes all the same (Welch, much weaker).")
]
Form = Annotated[str | None, typer.Option("--format", help="A table for a paper: tex, md or csv.")]
Columns = Annotated[
    str | None,
    typer.Option(help="Columns of that table, with commas; an unknown one lists all."),
]


def compare(
    results: ResultFolders,
    level: Level = 0.95,
    as_json: Json = False,
    quiet: Quiet = False,
    allow_unpaired: Unpaired = False,
    form: Form = None,
    columns: Columns = None,
) -> None:
    """Compare results pair by pair: differences, p values after Holm, and rank sets.

    Results are paired by episode. Those of a folder are grouped by what they were measured on;
    where nothing has the same episodes they are refused, with what differs.
    """
    entrants = load_entrants(*results)
    groups = [DataGroup("", "", tuple(entrants))] if allow_unpaired else comparable(entrants)
    several = [group for group in groups if len(group.entrants) > 1 or len(groups) == 1]
    compared = [
        (group, compare_entrants(group.entrants, level, allow_unpaired=allow_unpaired))
        for group in several
    ]
    if as_json:
        documents = [_document(comparison, level) for _, comparison in compared]
        titled = [{"data": group.title, **d} for group, d in zip(several, documents, strict=True)]
        return echo_json({"groups": titled} if len(groups) > 1 else documents[0])
    for number, (group, comparison) in enumerate(compared):
        typer.echo("\n" if number else "", nl=False)
        if form:
            chosen = columns.replace(" ", "").split(",") if columns else DEFAULT
            typer.echo(comparison_table(comparison, group.title, form, chosen))
            continue
        if len(groups) > 1:
            typer.echo(f"{group.title}:\n")
        _print(comparison, quiet)
    for group in groups if len(groups) > 1 else ():
        if len(group.entrants) == 1:
            name = group.entrants[0].name
            typer.echo(f"not compared: {name} is alone on {group.title}", err=True)
    return None


def _document(comparison: Comparison, level: float) -> dict[str, Any]:
    return {
        "level": level,
        "episodes": comparison.episodes,
        "methods": records(methods_table(comparison)),
        "pairs": records(pairs_table(comparison)),
    }


def _print(comparison: Comparison, quiet: bool) -> None:
    typer.echo(methods_text(comparison, "simple"))
    typer.echo()
    typer.echo(pairs_text(comparison, "simple"))
    if quiet:
        return
    about = ABOUT[comparison.pairs[0].difference.estimand]
    typer.echo(f"\n{comparison.episodes} episodes; differences are about {about}.")
    typer.echo("Methods whose rank set holds 1 share the lead; the best of many is over-estimated.")
    if any(comparison.learned):
        typer.echo(
            "Models that have learned from other data are ranked apart, kind by kind: none,"
            " another benchmark, external data."
        )
    typer.echo("detectable: a difference found with 80 % power; smaller ones may go unseen.")
