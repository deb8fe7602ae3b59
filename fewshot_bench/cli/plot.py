"""``fsbench plot``: pictures of results."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from matplotlib.figure import Figure

from fewshot_bench.cli.options import Level, ResultFolders
from fewshot_bench.cli.output import Json, echo_json
from fewshot_bench.errors import ConfigError, StatisticsError
from fewshot_bench.evaluation.by_data import DataGroup, comparable
from fewshot_bench.evaluation.entrants import Entrant, load_entrants, with_distinct_names
from fewshot_bench.files import safe_name
from fewshot_bench.leaderboard.plots.adjust import Fit, fitted
from fewshot_bench.leaderboard.plots.drawing import ACROSS, draw, groups
from fewshot_bench.leaderboard.plots.files import check_suffix, save

Kind = Annotated[
    str,
    typer.Argument(
        help="interval, pairs, classes, profile, curves, cost, cd, slope, transfer or heat."
    ),
]
Out = Annotated[Path, typer.Option("--out", help="File to write: .svg, .png or .pdf.")]
Title = Annotated[str | None, typer.Option(help="In place of the picture's own.")]
Labels = Annotated[
    str | None, typer.Option(help="Names to show: OLD=NEW, with commas between them.")
]
Width = Annotated[float | None, typer.Option(min=1, max=40, help="Inches.")]
Font = Annotated[float | None, typer.Option(min=3, max=60, help="Size of letters in points.")]
Look = Annotated[str, typer.Option("--style", help="paper or slides.")]
Palette = Annotated[str, typer.Option(help="okabe-ito, tol or grey; markers and lines differ too.")]


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
    palette: Palette = "okabe-ito",
    as_json: Json = False,
) -> None:
    """Draw results: a picture one column wide that can be read in grey.

    interval: accuracies with intervals. pairs: paired differences. classes: accuracy by class.
    profile: share of episodes above each accuracy. curves: validation accuracy in training.
    cost: accuracy against seconds. cd: mean ranks over data sets, or over episodes of one.
    slope: equal against unequal numbers of queries. transfer: trained on one benchmark, tested on
    others. heat: how the embedding was trained, against what adapts it. Results of several data
    sets, or lists of episodes, are drawn into a file for each.
    """
    check_suffix(out)
    fit = Fit(look, width, font, title, palette)
    entrants = _renamed(load_entrants(*results), labels)
    drawn = _drawn(kind, groups(kind, entrants), level)
    files = [_file(out, group, len(drawn)) for group, _ in drawn]
    for (_, figure), file in zip(drawn, files, strict=True):
        save(fitted(figure, fit), file)
    if as_json:
        single = {"file": files[0]} if len(files) == 1 else {"files": files}
        return echo_json({"kind": kind, **single})
    for (group, _), file in zip(drawn, files, strict=True):
        about = f" ({group.title})" if len(drawn) > 1 else ""
        typer.echo(f"wrote {file}{about}")
    if kind not in ACROSS and (alone := _alone(entrants)):
        typer.echo(f"{alone} methods stand alone on their data and are not drawn", err=True)
    return None


def _drawn(kind: str, asked: Sequence[DataGroup], level: float) -> list[tuple[DataGroup, Figure]]:
    """A figure for each group that can be drawn; why others can't is said.

    Raises:
        FsbenchError: none can be drawn; says why the first can't.
    """
    figures, reasons = [], []
    for group in asked:
        try:
            figures.append((group, draw(kind, group.entrants, level)))
        except StatisticsError as error:
            reasons.append((group, error))
    if reasons and not figures:
        raise reasons[0][1]
    for group, reason in reasons:
        typer.echo(f"not drawn: {group.title}: {reason}", err=True)
    return figures


def _alone(entrants: Sequence[Entrant]) -> int:
    """How many methods have no other one on their data, where some have."""
    sizes = [len(group.entrants) for group in comparable(entrants)]
    return sizes.count(1) if len(sizes) > 1 else 0


def _file(out: Path, group: DataGroup, number: int) -> Path:
    return out if number == 1 else out.with_stem(f"{out.stem}-{safe_name(group.slug)}")


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
