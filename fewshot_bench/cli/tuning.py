"""The work behind ``fsbench tune``: trials, the best of each method, files. Imports torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from tabulate import tabulate

from fewshot_bench.cli.launching import failure_lines, watched
from fewshot_bench.cli.output import echo_json
from fewshot_bench.cli.progress import console
from fewshot_bench.launch.drive import Progress, drive
from fewshot_bench.launch.engines import EngineName, make_engine
from fewshot_bench.launch.job import Place
from fewshot_bench.launch.tune import (
    Chosen,
    TuneSpec,
    Tuning,
    as_table,
    chosen,
    interleaved,
    make_tunings,
    write_chosen,
)


def run_tuning(
    spec: TuneSpec, engine: EngineName, jobs: int, folder: Path, *, as_json: bool, quiet: bool
) -> bool:
    """Do the trials that are missing, and report; whether something failed.

    Args:
        spec: what is tuned.
        engine: where trials run.
        jobs: how many at once, where it is this machine.
        folder: of the storage and of the chosen settings.
        as_json: print JSON in place of text.
        quiet: show no progress.
    """
    out = console(quiet)
    tunings = make_tunings(spec, folder)
    started = make_engine(engine, spec, Place.of(spec, folder), jobs, folder)
    with watched(out, "tuning", lambda progress: rows(tunings, progress)) as show:
        progress = drive([interleaved(tunings)], started, spec.retries, show)
    found = [chosen(tuning) for tuning in tunings]
    files = [
        write_chosen(tuning, one) if one.accuracy is not None else None
        for tuning, one in zip(tunings, found, strict=True)
    ]
    if as_json:
        echo_json(_summary(tunings, found, files))
    else:
        _report(tunings, found, files)
    failures = progress.failures()
    if failures:
        out.print("\n".join(failure_lines(progress)), markup=False)
    return bool(failures) or None in files


def rows(tunings: Sequence[Tuning], progress: Progress) -> list[dict[str, str]]:
    """One row for each method, for the table of progress."""
    return [_row(tuning, progress) for tuning in tunings]


def _row(tuning: Tuning, progress: Progress) -> dict[str, str]:
    ids = [job.id for job in tuning.jobs()]
    outcomes = [progress.outcomes[key] for key in ids if key in progress.outcomes]
    best = max((one.accuracy for one in outcomes if one.accuracy is not None), default=None)
    return {
        "method": tuning.study.name,
        "trials": f"{len(outcomes)}/{len(ids)}",
        "best on validation": "" if best is None else f"{100 * best:.2f} %",
    }


def _report(
    tunings: Sequence[Tuning], found: Sequence[Chosen], files: Sequence[Path | None]
) -> None:
    table = [
        {
            "method": tuning.study.name,
            "trials": ", ".join(f"{count} {state}" for state, count in one.states.items()),
            "validation": "" if one.accuracy is None else f"{100 * one.accuracy:.2f} %",
            "settings": ", ".join(f"{k}={_short(v)}" for k, v in sorted(one.settings.items())),
        }
        for tuning, one in zip(tunings, found, strict=True)
    ]
    typer.echo(tabulate(table, headers="keys", disable_numparse=True))
    for file in files:
        if file is not None:
            typer.echo(f"settings: {file}")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _summary(
    tunings: Sequence[Tuning], found: Sequence[Chosen], files: Sequence[Path | None]
) -> list[dict[str, Any]]:
    return [
        {"method": tuning.study.name, **as_table(one), "file": None if file is None else str(file)}
        for tuning, one, file in zip(tunings, found, files, strict=True)
    ]
