"""``fsbench loss search``: find a loss, or go on with a search that was stopped."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from fewshot_bench.cli import loss_train as o
from fewshot_bench.cli.estimate import ending
from fewshot_bench.cli.output import Json, Quiet, echo_json
from fewshot_bench.cli.progress import console
from fewshot_bench.errors import ConfigError, Interrupted
from fewshot_bench.inner.losses.loss_file import write_loss
from fewshot_bench.platform import keep_freed_memory
from fewshot_bench.search.spec import SearchSpec
from fewshot_bench.search.state import Report, State, found_loss
from fewshot_bench.supervised.train import Recipe


def search(
    out: Annotated[Path, typer.Option(help="Loss file to write, ending in .json.")],
    method: Annotated[
        str, typer.Option("--method", "-m", help="evomal, gp (without local search) or taylorglo.")
    ] = "evomal",
    data: o.Data = "digits",
    model: o.Model = "mlp",
    image_size: o.ImageSize = None,
    max_classes: o.MaxClasses = None,
    generations: Annotated[int, typer.Option(min=1, help="In all.")] = 50,
    population: Annotated[int, typer.Option(min=4, help="Candidates per generation.")] = 25,
    steps: Annotated[int, typer.Option(min=1, help="Training steps for a fitness.")] = 500,
    batch_size: o.BatchSize = 128,
    lr: o.Rate = 0.01,
    local_steps: Annotated[int, typer.Option(min=0, help="Steps of local search (evomal).")] = 250,
    protocol_steps: Annotated[
        int, typer.Option(min=1, help="Of the rejection protocol (evomal, gp).")
    ] = 100,
    elitism: Annotated[str, typer.Option(help="paper (the best 5 % survive) or code.")] = "paper",
    merge: Annotated[
        str, typer.Option(help="Share fitness between equal gradients: off, raw or normalised.")
    ] = "off",
    reject: Annotated[
        str, typer.Option(help="Rejection protocol after or before local search (evomal).")
    ] = "after",
    jobs: Annotated[int, typer.Option(min=1, help="Processes; the result is the same.")] = 1,
    seed: o.Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find a loss on a data set's training and validation parts, and write it to a file.

    The same command again goes on after the last generation that was done.
    """
    o.check_out(out)
    keep_freed_memory()
    spec = SearchSpec(
        method,  # type: ignore[arg-type]
        data,
        model,
        image_size,
        max_classes,
        seed,
        population,
        Recipe(steps, batch_size, lr),
        local_steps,
        protocol_steps=protocol_steps,
        elitism=elitism,  # type: ignore[arg-type]
        merge=merge,  # type: ignore[arg-type]
        reject=reject,  # type: ignore[arg-type]
    )
    state = _search(spec, generations, jobs, out, quiet)
    file = found_loss(spec, state)
    write_loss(out, file)
    if as_json:
        return echo_json(_facts(state) | {"loss": out, "fitness": file.fitness})
    _summarise(state)
    return typer.echo(f"loss: {out} (validation error {file.fitness:.4f})")


def _search(spec: SearchSpec, generations: int, jobs: int, out: Path, quiet: bool) -> State:
    display = console(quiet)

    def tell(report: Report) -> None:
        display.print(_line(report, generations), markup=False)

    state_file = out.with_suffix(".search.json")
    try:
        from fewshot_bench.search.run import search as run_search

        return run_search(spec, generations, state_file, jobs, tell)
    except ImportError as error:
        raise ConfigError(
            f"a search needs more packages: pip install 'fewshot-bench[search]' ({error})"
        ) from error
    except KeyboardInterrupt as error:
        raise Interrupted(f"stopped; the same command goes on from {state_file}") from error


def _line(report: Report, generations: int) -> str:
    counts = ", ".join(f"{n} {what}" for what, n in report.counts.items() if n)
    best = "none yet" if report.best is None else f"{report.best:.4f}"
    left = report.seconds * (generations - report.generation - 1)
    end = f"{ending(left, datetime.now())}  " if left else ""
    return (
        f"generation {report.generation + 1}/{generations}  best {best}"
        f"  {report.seconds:.0f} s  {end}({counts})  {report.loss[:60]}"
    )


def _facts(state: State) -> dict[str, Any]:
    return {
        "generations": len(state.generations),
        "candidates": sum(map(len, state.generations)),
        "counts": state.counts,
    }


def _summarise(state: State) -> None:
    facts = _facts(state)
    counts = ", ".join(f"{n} {what}" for what, n in facts["counts"].items() if n)
    typer.echo(f"{facts['candidates']} candidates in {facts['generations']} generations: {counts}")
