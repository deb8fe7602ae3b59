"""What ``fsbench evaluate`` prints of the results that it measured. Imports torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from fewshot_bench.cli.output import echo_json
from fewshot_bench.evaluation.intervals import in_percent, interval_of, question
from fewshot_bench.evaluation.numbers import flag_words
from fewshot_bench.evaluation.result import Result
from fewshot_bench.stats import Interval
from fewshot_bench.training.run import Run


def report(
    run: Run, results: Sequence[Result], folders: Sequence[Path], quiet: bool, as_json: bool
) -> None:
    """Print what was measured.

    Args:
        run: the run of the last result.
        results: one for each training seed.
        folders: where they are stored.
        quiet: the accuracy, warnings and folders only.
        as_json: all of it as one JSON object, accuracies as fractions.
    """
    settings = run.config.evaluate
    interval = interval_of(results, settings.interval, settings.level)
    if as_json:
        return echo_json(summary(run, results, folders, interval))
    if not quiet:
        _introduce(run, results)
    typer.echo(f"accuracy {in_percent(interval)}, {len(results[0].accuracy)} episodes")
    if not quiet:
        typer.echo(f"the interval is about {question(results, settings.interval)}")
    _warn(run, results, interval)
    for folder in folders:
        typer.echo(f"result: {folder}")
    return None


def summary(
    run: Run, results: Sequence[Result], folders: Sequence[Path], interval: Interval
) -> dict[str, Any]:
    """The same for programs."""
    document = results[0].document
    return {
        "method": document.method.id,
        "setting": document.method.setting,
        "benchmark": run.config.benchmark,
        "split": run.config.evaluate.split,
        "protocol": document.protocol.id,
        "backbone": run.config.backbone,
        "episodes": len(results[0].accuracy),
        "interval": interval,
        "failures": _failures(results),
        "results": [
            {
                "seed": result.document.checkpoint.training_seed,
                "accuracy": float(result.accuracy.mean()),
                "result_id": result.document.result_id,
                "folder": folder,
            }
            for result, folder in zip(results, folders, strict=True)
        ],
    }


def _introduce(run: Run, results: Sequence[Result]) -> None:
    config, method = run.config, results[0].document.method
    seeds = [result.document.checkpoint.training_seed for result in results]
    shape = results[0].document.protocol.id.partition("/")[2]
    typer.echo(
        f"{method.id} ({method.setting}) on {config.benchmark} {config.evaluate.split},"
        f" {shape}, {config.backbone}, seed {', '.join(map(str, seeds))}"
    )
    if len(results) > 1:
        for seed, result in zip(seeds, results, strict=True):
            typer.echo(f"  seed {seed}: {100 * result.accuracy.mean():.2f} %")


def _warn(run: Run, results: Sequence[Result], interval: Interval) -> None:
    wanted = run.config.evaluate.until_half_width
    if words := results[0].document.learned_words:
        typer.echo(f"{words}; such results are ranked apart")
    if interval.flags:
        typer.echo(f"take care: {flag_words(interval.flags)} (see docs/statistics.md)")
    if failures := _failures(results):
        typer.echo(f"{failures} episodes gave no finite logits; their queries count as wrong")
    if wanted and interval.half_width > wanted:
        typer.echo("the half-width asked for was not reached; allow more with --episodes")


def _failures(results: Sequence[Result]) -> int:
    return sum(len(result.document.failures) for result in results)
