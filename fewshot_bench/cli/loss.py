"""``fsbench loss``: losses for ordinary supervised training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fewshot_bench.training.loss_bench import Bench, Line

app = typer.Typer(help="Learn, find, compare and show losses.", no_args_is_help=True)

Data = Annotated[
    str,
    typer.Option(
        help="diabetes, california, digits, breast-cancer, wine; or a benchmark, whose training"
        " classes are one classification task."
    ),
]
Model = Annotated[str, typer.Option(help="linear, mlp, mlp-128, lenet5, or a backbone.")]
ImageSize = Annotated[int | None, typer.Option(help="Side of a benchmark's images in pixels.")]
Steps = Annotated[int, typer.Option(min=1, help="Training steps.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Examples per step.")]
Rate = Annotated[float, typer.Option(help="Learning rate of the network.")]
OfflineSteps = Annotated[int, typer.Option(min=0, help="Updates of a loss before training.")]
OnlineRate = Annotated[float, typer.Option(help="Learning rate of AdaLFL's loss in training.")]


@app.command()
def train(
    loss: Annotated[str, typer.Argument(help="ml3 or adalfl.")],
    out: Annotated[Path, typer.Option(help="Loss file to write, ending in .json.")],
    data: Data = "digits",
    model: Model = "mlp",
    image_size: ImageSize = None,
    batch_size: BatchSize = 128,
    lr: Rate = 0.01,
    offline_steps: OfflineSteps = 250,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Learn a loss network offline and write it to a file, for --loss and --losses anywhere."""
    from fewshot_bench.errors import ConfigError
    from fewshot_bench.inner.losses.loss_file import network_file, write_loss
    from fewshot_bench.inner.losses.network import adalfl, ml3

    if loss not in ("ml3", "adalfl"):
        raise ConfigError(f"{loss!r} is not learned offline; choose ml3 or adalfl")
    bench = _bench(data, model, image_size, 1, batch_size, lr, offline_steps, 0.0)
    phi = bench.learn(ml3() if loss == "ml3" else adalfl(), seed)
    facts = {
        "data": data,
        "model": model,
        "batch_size": batch_size,
        "lr": lr,
        "offline_steps": offline_steps,
        "seed": seed,
    }
    write_loss(out, network_file(loss, bench.data.task, phi, provenance=facts))  # type: ignore[arg-type]
    typer.echo(f"loss: {out}")


@app.command()
def compare(
    losses: Annotated[
        str, typer.Option(help="Names or loss files, by commas; the first is the baseline.")
    ] = "cross_entropy,label_smoothing,sparse_lsr,focal,ml3,adalfl",
    seeds: Annotated[str, typer.Option(help="Seeds, by commas.")] = "0,1,2,3,4",
    data: Data = "digits",
    model: Model = "mlp",
    image_size: ImageSize = None,
    steps: Steps = 1000,
    batch_size: BatchSize = 128,
    lr: Rate = 0.01,
    offline_steps: OfflineSteps = 250,
    online_lr: OnlineRate = 1e-5,
    level: Annotated[float, typer.Option(min=0.5, max=0.9999, help="Confidence level.")] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train the same network with each loss and compare the test errors at the end.

    ml3, adalfl[offline] and adalfl are learned on the validation part, for each seed anew;
    adalfl goes on being learned during training.
    """
    from fewshot_bench.training.loss_bench import compare_losses

    numbers, names = _numbers(seeds), [name.strip() for name in losses.split(",") if name.strip()]
    bench = _bench(data, model, image_size, steps, batch_size, lr, offline_steps, online_lr)
    lines = compare_losses(bench, names, numbers, level, done=_say)
    if as_json:
        _print_json(lines, numbers)
    else:
        _print_table(lines, level, bench.data.task == "classification")


def _numbers(text: str) -> list[int]:
    from fewshot_bench.errors import ConfigError

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts) or len(set(parts)) < len(parts):
        raise ConfigError(f"--seeds takes different numbers, as 0,1,2, not {text!r}")
    return [int(part) for part in parts]


def _bench(
    data: str,
    model: str,
    image_size: int | None,
    steps: int,
    batch_size: int,
    lr: float,
    offline_steps: int,
    online_lr: float,
) -> "Bench":
    from fewshot_bench.platform import keep_freed_memory
    from fewshot_bench.supervised.catalogue import load_data
    from fewshot_bench.supervised.models import build_model
    from fewshot_bench.supervised.offline import OfflineRecipe
    from fewshot_bench.supervised.train import Recipe
    from fewshot_bench.training.adalfl import OnlineRecipe
    from fewshot_bench.training.loss_bench import Bench

    keep_freed_memory()
    loaded = load_data(data, image_size)
    recipe = Recipe(steps=steps, batch_size=batch_size, lr=lr)
    offline = OfflineRecipe(steps=offline_steps)
    return Bench(build_model(model, loaded), loaded, recipe, offline, OnlineRecipe(online_lr))


def _say(loss: str, seed: int, error: float) -> None:
    typer.echo(f"{loss}, seed {seed}: test error {error:.4f}", err=True)


def _print_json(lines: "list[Line]", seeds: list[int]) -> None:
    import json

    def interval(value: Any) -> dict[str, float] | None:
        return value and {"mean": value.mean, "low": value.low, "high": value.high}

    rows = [
        {
            "loss": line.loss,
            "errors": [None if e != e else e for e in line.errors],
            "interval": interval(line.interval),
            "difference": interval(line.difference),
        }
        for line in lines
    ]
    typer.echo(json.dumps({"seeds": seeds, "losses": rows}, indent=1, ensure_ascii=False))


def _print_table(lines: "list[Line]", level: float, rates: bool) -> None:
    from tabulate import tabulate

    scale, digits = (100, 2) if rates else (1, 4)

    def cells(interval: Any, sign: str = "") -> tuple[str, str]:
        if interval is None:
            return "", ""
        mean, low, high = (scale * x for x in (interval.mean, interval.low, interval.high))
        return f"{mean:{sign}.{digits}f}", f"{low:{sign}.{digits}f} to {high:{sign}.{digits}f}"

    rows = []
    for line in lines:
        mean, limits = cells(line.interval)
        if line.interval is None:
            mean = _without_interval(line, scale, digits)
        rows.append((line.loss, mean, limits, *cells(line.difference, "+")))
    unit = "test error %" if rates else "test squared error"
    interval = f"{level:.0%} interval"
    head = ("loss", unit, interval, f"minus {lines[0].loss}", interval)
    typer.echo(tabulate(rows, head, tablefmt="simple", disable_numparse=True))
    count = len(lines[0].errors)
    typer.echo(f"\nseeds: {count}, paired; intervals are about other seeds on this test part.")


def _without_interval(line: "Line", scale: int, digits: int) -> str:
    """One seed has no interval; a training that broke off has no error."""
    broken = sum(e != e for e in line.errors)
    if broken:
        return f"not finite ({broken} of {len(line.errors)} seeds)"
    return f"{scale * line.errors[0]:.{digits}f}"
