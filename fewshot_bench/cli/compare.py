"""``fsbench compare``: which of several results is better, on the same episodes."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fewshot_bench.cli.options import Level, ResultFolders

if TYPE_CHECKING:
    from fewshot_bench.evaluation.compare import Comparison
    from fewshot_bench.stats import Interval

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Unpaired = Annotated[
    bool, typer.Option(help="Compare different episodes all the same (Welch, much weaker).")
]


def compare(
    results: ResultFolders,
    level: Level = 0.95,
    as_json: Json = False,
    allow_unpaired: Unpaired = False,
) -> None:
    """Compare results pair by pair: differences, p values after Holm, and rank sets.

    Results are paired by episode; those of other episodes are refused, with what differs.
    """
    import json

    from fewshot_bench.evaluation.compare import compare_entrants
    from fewshot_bench.evaluation.entrants import load_entrants

    entrants = load_entrants(*results)
    comparison = compare_entrants(entrants, level, allow_unpaired=allow_unpaired)
    if as_json:
        typer.echo(json.dumps(_document(comparison, level), indent=1, ensure_ascii=False))
    else:
        _print(comparison, level)


def _print(comparison: "Comparison", level: float) -> None:
    from tabulate import tabulate

    rows = [
        (name, _points(i.mean), f"{_points(i.low)} to {_points(i.high)}", _ranks(ranks))
        for name, i, ranks in zip(
            comparison.names, comparison.intervals, comparison.ranks, strict=True
        )
    ]
    estimand = comparison.intervals[0].estimand
    head = ("method", "accuracy %", f"{100 * level:g}% {estimand} interval", "rank set")
    typer.echo(tabulate(rows, head, tablefmt="simple", disable_numparse=True))
    typer.echo()
    rows_of_pairs = [
        (
            f"{pair.a} - {pair.b}",
            f"{100 * pair.difference.mean:+.2f}",
            f"{100 * pair.difference.low:+.2f} to {100 * pair.difference.high:+.2f}",
            f"{pair.p_holm:.2g}",
            "" if pair.effect != pair.effect else f"{pair.effect:+.2f}",
            _points(pair.mde80),
        )
        for pair in comparison.pairs
    ]
    head_of_pairs = ("difference", "points", "interval", "p (Holm)", "d_z", "detectable")
    typer.echo(tabulate(rows_of_pairs, head_of_pairs, tablefmt="simple", disable_numparse=True))
    about = {
        "closed": "these trained models on this pool of images (closed)",
        "method": "the methods, trained again with other seeds (method)",
    }[comparison.pairs[0].difference.estimand]
    typer.echo(f"\n{comparison.episodes} episodes; differences are about {about}.")
    typer.echo("Methods whose rank set holds 1 share the lead; the best of many is over-estimated.")
    typer.echo("detectable: a difference found with 80 % power; smaller ones may go unseen.")


def _document(comparison: "Comparison", level: float) -> dict[str, Any]:
    methods = [
        {"name": name, **_interval(interval), "rank_set": list(ranks)}
        for name, interval, ranks in zip(
            comparison.names, comparison.intervals, comparison.ranks, strict=True
        )
    ]
    pairs = [
        {
            "a": pair.a,
            "b": pair.b,
            **_interval(pair.difference),
            "p": pair.p,
            "p_holm": pair.p_holm,
            "d_z": None if pair.effect != pair.effect else pair.effect,
            "mde80": pair.mde80,
        }
        for pair in comparison.pairs
    ]
    return {"level": level, "episodes": comparison.episodes, "methods": methods, "pairs": pairs}


def _interval(interval: "Interval") -> dict[str, Any]:
    return {
        "mean": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "estimand": interval.estimand,
        "flags": list(interval.flags),
    }


def _points(fraction: float) -> str:
    return f"{100 * fraction:.2f}"


def _ranks(ranks: tuple[int, int]) -> str:
    return str(ranks[0]) if ranks[0] == ranks[1] else f"{ranks[0]}-{ranks[1]}"
