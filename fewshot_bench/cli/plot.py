"""``fsbench plot``: pictures of results."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fewshot_bench.cli.options import Level, ResultFolders
from fewshot_bench.cli.output import Json, echo_json
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.by_data import DataGroup, comparable
from fewshot_bench.evaluation.entrants import Entrant, load_entrants, with_distinct_names
from fewshot_bench.files import safe_name
from fewshot_bench.leaderboard.plots.adjust import Fit, fitted
from fewshot_bench.leaderboard.plots.drawing import ACROSS, draw
from fewshot_bench.leaderboard.plots.files import check_suffix, save

Kind = Annotated[
    str,
    typer.Argument(help="interval, pairs, classes, profile, curves, cost, cd, slope or transfer."),
]
Out = Annotated[Path, typer.Option("--out", help="File to write: .svg, .png or .pdf.")]
Title = Annotated[str | None, typer.Option(help="In place of the picture's own.")]
Labels = Annotated[
    str | None, typer.Option(help="Names to show: OLD=NEW, with commas between them.")
]
Width = Annotated[float | None, typer.Option(min=1, max=40, help="Inches.")]
Font = Annotated[float | None, typer.Option(min=3, max=60, help="Size of letters in points.")]
Look = Annotated[str, typer.Option("--style", help="paper or slides.")]


def plot(
    kind: Kind,
    results: ResultFolders,
    out: Out,
    level: Level = 0.95,
    title: Title = None,
    labels: Labels = None,
    width: Width = None,
    font: Font = None,
    look: Look = "paper",
    as_json: Json = False,
) -> None:
    """Draw results: a picture one column wide that can be read in grey.

    interval: accuracies with intervals. pairs: paired differences. classes: accuracy by class.
    profile: share of episodes above each accuracy. curves: validation accuracy in training.
    cost: accuracy against seconds. cd: mean ranks over data sets, or over episodes of one.
    slope: equal against unequal numbers of queries. transfer: trained on one benchmark, tested on
    others. Results of several data sets, or lists of episodes, are drawn into a file for each.
    """
    check_suffix(out)
    fit = Fit(look, width, font, title)
    entrants = _renamed(load_entrants(*results), labels)
    groups = _groups(kind, entrants)
    files = [_file(out, group, groups) for group in groups]
    for group, file in zip(groups, files, strict=True):
        save(fitted(draw(kind, group.entrants, level), fit), file)
    if as_json:
        single = {"file": files[0]} if len(files) == 1 else {"files": files}
        return echo_json({"kind": kind, **single})
    for file, group in zip(files, groups, strict=True):
        about = f" ({group.title})" if len(groups) > 1 else ""
        typer.echo(f"wrote {file}{about}")
    if left_out := sum(map(len, (e.entrants for e in comparable(entrants)))) - sum(
        len(group.entrants) for group in groups
    ):
        typer.echo(f"{left_out} methods stand alone on their data and are not drawn", err=True)
    return None


def _groups(kind: str, entrants: Sequence[Entrant]) -> list[DataGroup]:
    """What each picture shows: all results where a kind is about several data sets."""
    if kind in ACROSS:
        return [DataGroup("", "", tuple(entrants))]
    groups = comparable(entrants)
    several = [group for group in groups if len(group.entrants) > 1]
    return several if len(groups) > 1 else groups


def _file(out: Path, group: DataGroup, groups: Sequence[DataGroup]) -> Path:
    return out if len(groups) == 1 else out.with_stem(f"{out.stem}-{safe_name(group.slug)}")


def _renamed(entrants: Sequence[Entrant], labels: str | None) -> list[Entrant]:
    """Entrants under the names that people want to read."""
    named = with_distinct_names(entrants) if labels else list(entrants)
    wanted = dict(_pair(part) for part in labels.split(",")) if labels else {}
    if unknown := wanted.keys() - {entrant.name for entrant in named}:
        there = ", ".join(dict.fromkeys(entrant.name for entrant in named))
        raise ConfigError(f"--labels: there is no {sorted(unknown)[0]}; there are {there}")
    return [replace(entrant, name=wanted.get(entrant.name, entrant.name)) for entrant in named]


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not equals or not new.strip():
        raise ConfigError(f"--labels: {text!r} is not of the form OLD=NEW")
    return old.strip(), new.strip()
