"""``fsbench compare``: which of several results is better, on the same episodes."""

from typing import Annotated

import typer

from fewshot_bench.cli.options import Level, ResultFolders
from fewshot_bench.cli.output import Json, Quiet, echo_json
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

Unpaired = Annotated[
    bool, typer.Option(help="Compare different episodes all the same (Welch, much weaker).")
]


def compare(
    results: ResultFolders,
    level: Level = 0.95,
    as_json: Json = False,
    quiet: Quiet = False,
    allow_unpaired: Unpaired = False,
) -> None:
    """Compare results pair by pair: differences, p values after Holm, and rank sets.

    Results are paired by episode; those of other episodes are refused, with what differs.
    """
    entrants = load_entrants(*results)
    comparison = compare_entrants(entrants, level, allow_unpaired=allow_unpaired)
    if not as_json:
        return _print(comparison, quiet)
    document = {
        "level": level,
        "episodes": comparison.episodes,
        "methods": records(methods_table(comparison)),
        "pairs": records(pairs_table(comparison)),
    }
    return echo_json(document)


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
