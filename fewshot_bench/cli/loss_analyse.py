"""``fsbench loss analyse``: what losses do at the start of training, and near 0 and 1."""

import io
from pathlib import Path
from typing import Annotated

import typer
from tabulate import tabulate

from fewshot_bench.cli.output import Json, echo_json
from fewshot_bench.errors import ConfigError
from fewshot_bench.files import write_atomic
from fewshot_bench.inner.losses.behaviour import Push, behaviour
from fewshot_bench.inner.losses.display import draw_pushes
from fewshot_bench.inner.losses.library import fixed_loss
from fewshot_bench.inner.protocols import InnerLoss

HEAD = ["loss", "start", "p = 0.0001", "p = 0.9999", "satisfied at p"]


def analyse(
    losses: Annotated[
        str, typer.Option(help="Names or loss files, by commas.")
    ] = "cross_entropy,label_smoothing,sparse_lsr,focal",
    n_classes: Annotated[int, typer.Option(min=2, help="Classes.")] = 10,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw losses and pushes into this file, for instance push.png."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell how hard losses push the target's logit, by the target's probability.

    All other classes are equally likely. Cross-entropy pushes with 1 - p; where the push turns
    negative a loss asks for no more confidence.
    """
    names = [name.strip() for name in losses.split(",") if name.strip()]
    if not names:
        raise ConfigError("--losses takes names, as cross_entropy,sparse_lsr")
    found = {name: fixed_loss(name, "classification")[0] for name in names}
    table = {name: behaviour(loss, n_classes) for name, loss in found.items()}
    if plot is not None:
        _draw(found, n_classes, plot)
    if as_json:
        return echo_json({"n_classes": n_classes, "losses": table, "plot": plot})
    rows = [_row(Path(name).stem, push) for name, push in table.items()]
    typer.echo(tabulate(rows, headers=HEAD, tablefmt="plain", disable_numparse=True))
    return None


def _row(name: str, push: Push) -> list[str]:
    numbers = [f"{x:+.3f}" for x in (push.start, push.near_zero, push.near_one)]
    return [name, *numbers, "never" if push.satisfied is None else f"{push.satisfied:.3f}"]


def _draw(found: dict[str, InnerLoss], n_classes: int, plot: Path) -> None:
    buffer = io.BytesIO()
    titled = {Path(name).stem: loss for name, loss in found.items()}
    try:
        draw_pushes(titled, n_classes).savefig(buffer, format=plot.suffix[1:], dpi=110)
    except ValueError as error:
        raise ConfigError(f"can't draw {plot}: its name must end in .png, .svg or .pdf") from error
    write_atomic(plot, buffer.getvalue())
