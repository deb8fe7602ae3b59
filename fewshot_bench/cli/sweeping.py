"""The work behind ``fsbench sweep``: plan, run, report. Imports torch."""

import collections
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from tabulate import tabulate

from fewshot_bench.cli.estimate import duration
from fewshot_bench.cli.launching import counted, failure_lines, watched
from fewshot_bench.cli.output import echo_json
from fewshot_bench.cli.progress import console
from fewshot_bench.config import RunConfig
from fewshot_bench.launch.drive import Progress, drive
from fewshot_bench.launch.engines import EngineName, make_engine
from fewshot_bench.launch.job import Place
from fewshot_bench.launch.plan import Cell, Plan, make_plan
from fewshot_bench.launch.slurm import scripts
from fewshot_bench.launch.spec import Launch, SweepSpec


@dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Attributes:
        engine: where cells run.
        jobs: how many at once, where it is this machine.
        out: folder of the results.
        as_json: print JSON in place of text.
        quiet: show no progress and print no remarks.
    """

    engine: EngineName
    jobs: int
    out: Path
    as_json: bool = False
    quiet: bool = False

    def place(self, launch: Launch) -> Place:
        """Where jobs work."""
        return Place.of(launch, self.out)


def dry(spec: SweepSpec, configs: Sequence[RunConfig], request: Request) -> None:
    """Show what would be done."""
    plan = make_plan(configs, request.out)
    if request.as_json:
        return echo_json(summary(plan, None))
    typer.echo("\n".join(plan_lines(plan, request.jobs)))
    if request.engine == "slurm" and plan.jobs:
        texts = scripts(spec.slurm, request.place(spec), plan.waves(), request.out)
        typer.echo("\n\n".join(["", *texts]).rstrip())
    return None


def run(spec: SweepSpec, configs: Sequence[RunConfig], request: Request) -> None:
    """Measure what is missing, and report; exit code 1 if a cell failed."""
    out = console(request.quiet)
    plan = make_plan(configs, request.out)
    out.print("\n".join(plan_lines(plan, request.jobs)), markup=False)
    progress = Progress(())
    if plan.jobs:
        place = request.place(spec)
        engine = make_engine(request.engine, spec, place, request.jobs, request.out)
        with watched(out, "sweep", lambda progress: table_rows(plan, progress)) as show:
            progress = drive(plan.waves(), engine, spec.retries, show)
    failures = progress.failures()
    if request.as_json:
        echo_json(summary(plan, progress))
    else:
        typer.echo(tabulate(table_rows(plan, progress), headers="keys", disable_numparse=True))
        typer.echo(f"results: {request.out}")
    if failures:
        out.print("\n".join(failure_lines(progress)), markup=False)
        raise typer.Exit(1)


def plan_lines(plan: Plan, jobs: int) -> list[str]:
    """What there is to do, in words."""
    there = len(plan.cells) - len(plan.missing)
    lines = [f"{counted(len(plan.cells), 'cell')}: {there} there, {len(plan.missing)} to measure"]
    if plan.stages:
        lines.append(f"{counted(len(plan.stages), 'shared training')} first")
        lines += [f"  {job.title}" for job in plan.stages[:10]]
        lines += [f"  and {len(plan.stages) - 10} more"] if len(plan.stages) > 10 else []
    known = [cell for cell in plan.cells if cell.seconds is not None]
    if known and plan.missing:
        seconds = sum(_expected(cell, known) for cell in plan.missing) / jobs
        lines.append(
            f"about {duration(seconds)} with {counted(jobs, 'job')} on a machine like that of the"
            f" {counted(len(known), 'cell')} measured so far"
        )
    return lines


def _expected(cell: Cell, known: Sequence[Cell]) -> float:
    """Seconds that a missing cell may take: as others of its row, its method, or all."""
    for alike in (
        [one for one in known if one.row == cell.row],
        [one for one in known if one.row[0] == cell.row[0]],
    ):
        if alike:
            return statistics.fmean(one.seconds or 0.0 for one in alike)
    return statistics.fmean(one.seconds or 0.0 for one in known)


def table_rows(plan: Plan, progress: Progress) -> list[dict[str, str]]:
    """One row for each method on each kind of episodes, for the table of progress."""
    rows: dict[tuple[str, str], list[Cell]] = collections.defaultdict(list)
    for cell in plan.cells:
        rows[cell.row].append(cell)
    return [_row(name, cells, progress) for name, cells in rows.items()]


def _row(name: tuple[str, str], cells: Sequence[Cell], progress: Progress) -> dict[str, str]:
    states = [_state(cell, progress) for cell in cells]
    accuracies = [one for cell in cells if (one := _accuracy(cell, progress)) is not None]
    mean = f"{100 * statistics.fmean(accuracies):.2f} %" if accuracies else ""
    running, failed = states.count("running"), states.count("failed")
    return {
        "method": name[0],
        "episodes": name[1],
        "done": f"{states.count('done') + states.count('there')}/{len(cells)}",
        "running": str(running) if running else "",
        "failed": str(failed) if failed else "",
        "accuracy": mean,
    }


def _state(cell: Cell, progress: Progress) -> str:
    return "there" if cell.accuracy is not None else progress.states.get(cell.job.id, "missing")


def _accuracy(cell: Cell, progress: Progress) -> float | None:
    outcome = progress.outcomes.get(cell.job.id)
    return cell.accuracy if outcome is None else outcome.accuracy


def summary(plan: Plan, progress: Progress | None) -> dict[str, Any]:
    """The plan, or what came of it, for programs."""
    progress = progress or Progress(())
    return {
        "cells": [_cell_table(cell, progress) for cell in plan.cells],
        "shared": [job.title for job in plan.stages],
    }


def _cell_table(cell: Cell, progress: Progress) -> dict[str, Any]:
    config, outcome = cell.config, progress.outcomes.get(cell.job.id)
    return {
        "method": config.method,
        "benchmark": config.benchmark,
        "n_way": config.task.n_way,
        "n_shot": config.task.n_shot,
        "seed": config.train.seed,
        "state": _state(cell, progress),
        "accuracy": _accuracy(cell, progress),
        "seconds": outcome.seconds if outcome else cell.seconds,
        "error": outcome.error if outcome else "",
        "folder": cell.job.folder,
    }
