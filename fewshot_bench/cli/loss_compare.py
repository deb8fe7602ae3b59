"""``fsbench loss compare``: the same network trained with several losses."""

import itertools
from collections.abc import Callable
from typing import Annotated

import typer
from tabulate import tabulate

from fewshot_bench.cli import loss_train as o
from fewshot_bench.cli.estimate import Pace
from fewshot_bench.cli.options import Level, Plugins, seed_list
from fewshot_bench.cli.output import Json, Quiet, echo_json
from fewshot_bench.cli.plugins import run_plugins
from fewshot_bench.cli.progress import console
from fewshot_bench.errors import ConfigError
from fewshot_bench.stats import Interval
from fewshot_bench.training.loss_bench import Line, compare_losses


def compare(
    losses: Annotated[
        str, typer.Option(help="Names or loss files, by commas; the first is the baseline.")
    ] = "cross_entropy,label_smoothing,sparse_lsr,focal,ml3,adalfl",
    seeds: Annotated[str, typer.Option(help="Seeds, as 0,1,2 or 0-2.")] = "0,1,2,3,4",
    data: o.Data = "digits",
    model: o.Model = "mlp",
    image_size: o.ImageSize = None,
    max_classes: o.MaxClasses = None,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 1000,
    batch_size: o.BatchSize = 128,
    lr: o.Rate = 0.01,
    offline_steps: o.OfflineSteps = 250,
    offline_lr: o.OfflineRate = 1e-3,
    offline_horizon: o.OfflineHorizon = 1,
    outer: o.Outer = "val",
    online_lr: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Learning rate of AdaLFL's loss in training.",
            show_default="1e-5, 1e-3 for adalfl[free]",
        ),
    ] = None,
    level: Level = 0.95,
    as_json: Json = False,
    quiet: Quiet = False,
    plugin: Plugins = None,
) -> None:
    r"""Train the same network with each loss and compare the test errors at the end.

    ml3, adalfl\[offline] and adalfl are learned for each seed anew; adalfl goes on being learned
    during training. adalfl\[free] does so from the usual loss on, whatever the number of classes.
    """
    numbers, names = seed_list(seeds, o.SEEDS), _names(losses)
    run_plugins(plugin)
    recipe = {"steps": steps, "batch_size": batch_size, "lr": lr}
    offline = {"steps": offline_steps, "lr": offline_lr, "inner_steps": offline_horizon}
    bench = o.open_bench(data, model, (image_size, max_classes), recipe, offline, outer, online_lr)
    done = _sayer(len(names) * len(numbers), quiet)
    lines = compare_losses(bench, names, numbers, level, done)
    if as_json:
        _print_json(lines, numbers)
    else:
        _print_table(lines, level, bench.data.task == "classification")


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"--losses takes different names, as cross_entropy,adalfl, not {text!r}")
    return names


def _sayer(total: int, quiet: bool) -> Callable[[str, int, float], None]:
    """Says the error of each training, and when the last one will be done."""
    pace, out, counter = Pace(), console(quiet), itertools.count(1)

    def say(loss: str, seed: int, error: float) -> None:
        done = next(counter)
        end = pace.words(done, total)
        line = f"{loss}, seed {seed}: test error {error:.4f}  {done}/{total}  {end}"
        out.print(line.rstrip(), markup=False)

    return say


def _print_json(lines: list[Line], seeds: list[int]) -> None:
    def interval(value: Interval | None) -> dict[str, float] | None:
        if value is None:
            return None
        return {"mean": value.mean, "low": value.low, "high": value.high}

    rows = [
        {
            "loss": line.loss,
            "errors": line.errors,
            "interval": interval(line.interval),
            "difference": interval(line.difference),
        }
        for line in lines
    ]
    echo_json({"seeds": seeds, "losses": rows})


def _print_table(lines: list[Line], level: float, rates: bool) -> None:
    scale, digits = (100, 2) if rates else (1, 4)

    def cells(interval: Interval | None, sign: str = "") -> tuple[str, str]:
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
    interval = f"{100 * level:g}% interval"
    head = ("loss", unit, interval, f"minus {lines[0].loss}", interval)
    typer.echo(tabulate(rows, head, tablefmt="simple", disable_numparse=True))
    count = len(lines[0].errors)
    typer.echo(f"\nseeds: {count}, paired; intervals are about other seeds on this test part.")


def _without_interval(line: Line, scale: int, digits: int) -> str:
    """One seed has no interval; a training that broke off has no error."""
    broken = sum(e != e for e in line.errors)
    if broken:
        return f"not finite ({broken} of {len(line.errors)} seeds)"
    return f"{scale * line.errors[0]:.{digits}f}"
