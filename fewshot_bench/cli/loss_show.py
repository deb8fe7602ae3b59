"""``fsbench loss show``: what is in a loss file."""

import io
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from fewshot_bench.cli.output import Json, echo_json
from fewshot_bench.errors import ConfigError
from fewshot_bench.files import write_atomic
from fewshot_bench.inner.losses.display import draw
from fewshot_bench.inner.losses.loss_file import StoredLoss, read_loss
from fewshot_bench.inner.losses.per_output import OutputLoss


def show(
    file: Annotated[Path, typer.Argument(help="Loss file.")],
    plot: Annotated[
        Path | None, typer.Option(help="Draw its curves into this file, for instance loss.png.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a loss's formula and where it comes from; draw it beside the usual loss."""
    found = read_loss(file)
    if plot is not None:
        _draw(found, file.stem, plot)
    if as_json:
        return echo_json(_facts(found) | {"plot": plot})
    typer.echo(f"{found.kind} loss for {found.task}: {found.formula()}")
    if (details := found.details()) is not None:
        typer.echo(details)
    if found.fitness is not None:
        typer.echo(f"validation error of a short training: {found.fitness:.4f}")
    for key, value in sorted(found.provenance.items()):
        typer.echo(f"{json.dumps(key)[1:-1]}: {json.dumps(value)}")
    if plot is not None:
        typer.echo(f"plot: {plot}")
    return None


def _facts(found: StoredLoss) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "task": found.task,
        "formula": found.formula(),
        "details": found.details(),
        "fitness": found.fitness,
        "provenance": found.provenance,
    }


def _draw(found: StoredLoss, title: str, plot: Path) -> None:
    buffer, loss = io.BytesIO(), found.loss()
    if not isinstance(loss, OutputLoss):
        raise ConfigError(f"a {found.kind} loss has no curves: it looks at more than one output")
    try:
        draw(loss, found.task, title).savefig(buffer, format=plot.suffix[1:], dpi=110)
    except ValueError as error:
        raise ConfigError(f"can't draw {plot}: its name must end in .png, .svg or .pdf") from error
    write_atomic(plot, buffer.getvalue())
