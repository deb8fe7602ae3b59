"""The work behind ``fsbench evaluate``: obtain models, run the episodes, report. Imports torch."""

import dataclasses
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from fewshot_bench import __version__
from fewshot_bench.cli.progress import console, progress_bar
from fewshot_bench.cli.work import obtain_model, open_run
from fewshot_bench.config import EvaluateConfig, RunConfig
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.classes import class_hashes
from fewshot_bench.evaluation.evaluate import (
    Evaluation,
    StopRule,
    describe_dataset,
    describe_protocol,
    evaluate,
)
from fewshot_bench.evaluation.intervals import UNEQUAL, interval_of, question
from fewshot_bench.evaluation.result import Result, config_sha256, make_result, write_result
from fewshot_bench.files import disk_errors, safe_name, sha256
from fewshot_bench.platform import environment, source_state
from fewshot_bench.registry import METHODS
from fewshot_bench.stats import DegenerateWarning, Interval, mean_ci
from fewshot_bench.training.checkpoint import Checkpoint, tensors_sha256
from fewshot_bench.training.log import learning_curve
from fewshot_bench.training.run import Run, load_trained

ADAPTATION = "our adaptation"  # how the catalogue of methods marks them
DEFAULT_EPISODES, MOST_EPISODES = 1000, 20_000


def measure(
    config: RunConfig,
    seeds: Sequence[int],
    checkpoint: Path | None,
    device: str,
    workers: int,
    out: Path | None,
) -> list[Result]:
    """Evaluate one configuration with each seed, print the accuracy and write the results."""
    if len(seeds) > 1 and (checkpoint or config.evaluate.until_half_width):
        raise ConfigError("--seeds does not go with --checkpoint or --until-half-width")
    _check_question(config.evaluate, len(seeds))
    run = open_run(config, device, workers)
    _check_classes(run)
    _check_possible(run, out)
    results: list[Result] = []
    folders: list[Path] = []
    for seed in seeds:
        run = with_seed(run, seed)
        model = load_trained(run, checkpoint) if checkpoint else obtain_model(run)
        results.append(measure_one(run, model, seeds, checkpoint))
        folders.append(_folder(results[-1], out, seed if len(seeds) > 1 else None))
        write_result(results[-1], folders[-1])
    report(run, results, folders)
    return results


def _check_question(settings: EvaluateConfig, seeds: int) -> None:
    """Raise ConfigError, before hours of training, for an interval that can't come of it."""
    kind = settings.interval
    if kind == "open_classes" and seeds > 1:
        raise ConfigError(
            "--interval open_classes is about one trained model;"
            " several seeds go with closed or open_images"
        )
    if kind != "closed" and settings.until_half_width:
        raise ConfigError(
            f"--until-half-width is about the closed interval and does not go with {kind}:"
            " more episodes are no new images or classes"
        )
    if settings.episodes == 1 and (kind != "closed" or seeds > 1):
        raise ConfigError("one episode gives no such interval; take --episodes 2 or more")


def _check_classes(run: Run) -> None:
    """Raise ConfigError if all test episodes would hold the same classes and are to show others."""
    settings, way = run.config.evaluate, run.test_task.n_way
    classes = len(run.store.manifest.classes.get(settings.split, {}))  # rotated ones are no others
    if settings.interval == "open_classes" and way >= classes:
        raise ConfigError(
            f"{way}-way episodes of the {classes} {settings.split} classes say nothing about other"
            " classes; take a smaller --n-way or another --interval"
        )


def _check_possible(run: Run, out: Path | None) -> None:
    """Raise an error, before hours of training, if the test can't be made or not be written."""
    sampler = _test_loader(run).sampler
    most, wanted = getattr(sampler, "total", None), run.config.evaluate.episodes
    if most is not None and wanted and wanted > most:
        raise ConfigError(
            f"{run.config.evaluate.split} has {most} disjoint {run.test_task.id} episodes, not"
            f" {wanted}; leave out --episodes to take them all"
        )
    if not sampler.rectangular and run.config.evaluate.interval != "closed":
        raise ConfigError(UNEQUAL)
    for note in sampler.notes:
        typer.echo(note, err=True)
    if out is not None:
        with disk_errors(str(out)):
            out.mkdir(parents=True, exist_ok=True)


def _test_loader(run: Run) -> EpisodeLoader:
    settings = run.config.evaluate
    drawn_by = (settings.sampler, settings.sampler_options)
    return run.loader(settings.split, run.test_task, settings.seed, *drawn_by)


def with_seed(run: Run, seed: int) -> Run:
    """The same run with another training seed."""
    train = run.config.train.model_copy(update={"seed": seed})
    return dataclasses.replace(run, config=run.config.model_copy(update={"train": train}))


def measure_one(
    run: Run, model: Checkpoint, seeds: Sequence[int], checkpoint: Path | None = None
) -> Result:
    """Run the test episodes of one trained model, with a bar.

    Args:
        run: what is measured.
        model: its parameters.
        seeds: all training seeds that are measured together.
        checkpoint: file that the model comes from; None if it is the run's own.
    """
    settings = run.config.evaluate
    loader = _test_loader(run)
    until = (
        StopRule(settings.until_half_width, settings.level) if settings.until_half_width else None
    )
    total = _total(run, loader)
    with progress_bar(console()) as bar:
        task = bar.add_task("testing", total=total, note="", begun=0, per_step=1)
        outcome = evaluate(
            run.method, model.params, loader, total, lambda n: bar.advance(task, n), until
        )
    log = checkpoint.parent if checkpoint else run.folder
    facts = {
        **_document(run, model, loader, outcome, until),
        "checkpoint": _trained(model, seeds),
        "training": {"curve": learning_curve(log)},
    }
    return make_result(facts, outcome.columns)


def _total(run: Run, loader: EpisodeLoader) -> int:
    settings = run.config.evaluate
    default = MOST_EPISODES if settings.until_half_width else DEFAULT_EPISODES
    return settings.episodes or int(getattr(loader.sampler, "total", default))


def _document(
    run: Run,
    model: Checkpoint,
    loader: EpisodeLoader,
    outcome: Evaluation,
    until: StopRule | None,
) -> dict[str, Any]:
    # A folder's path is the user's own affair; its name is enough.
    config = {**run.config.model_dump(), "benchmark": run.store.manifest.benchmark}
    return {
        "tool": {"version": __version__, **source_state()},
        "method": {
            "id": run.config.method,
            "setting": run.method.traits.setting,
            "transductive": run.method.traits.setting != "inductive",
            "adaptation": METHODS.entry(run.config.method).summary.startswith(ADAPTATION),
            "config": config,
            "config_sha256": config_sha256(config),
            "code_sha256": _code_sha256(run),
        },
        "dataset": describe_dataset(run.store.manifest, loader.pool),
        "protocol": describe_protocol(loader.sampler, outcome.columns, until),
        "env": environment(),
        "failures": outcome.failures,
        "timing": {**outcome.timing, "train_s": model.info.get("seconds")},
        "summary": _summary(outcome, run.config.evaluate.level),
    }


def _code_sha256(run: Run) -> str | None:
    """Of everything from outside this package that makes the method: sources and loss files."""
    parts = [*run.code, *run.config.loss_hashes]
    return sha256("".join(parts).encode()) if len(parts) > 1 else next(iter(parts), None)


def _trained(model: Checkpoint, seeds: Sequence[int]) -> dict[str, Any]:
    """The ``checkpoint`` part of a result: what was measured and how it was chosen."""
    info = model.info
    return {
        "sha256": tensors_sha256(model.params),
        "n_params": sum(value.numel() for value in model.params.values()),
        "training_seed": info["config"]["train"]["seed"],
        "seed_group": sorted(seeds),
        "training_benchmark": info["benchmark"],
        "training_fingerprint": info["fingerprint"],
        "training_class_hashes": class_hashes(info["train_classes"]),
        "selection": info["selection"],
    }


def _summary(outcome: Evaluation, level: float) -> dict[str, Any]:
    """The closed interval, for people who read the file; programs compute it again."""
    columns = outcome.columns
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # the flags say it
        closed = mean_ci(columns["n_correct"] / columns["n_query"], level)
    known = closed.n > 1
    interval = {
        "kind": closed.estimand,
        "level": level,
        "low": closed.low if known else None,
        "high": closed.high if known else None,
        "flags": list(closed.flags),
    }
    return {"accuracy": closed.mean, "T": closed.n, "interval": interval}


def _folder(result: Result, out: Path | None, seed: int | None) -> Path:
    """Where a result goes; several seeds side by side in the folder the user chose."""
    if out is not None:
        return out if seed is None else out / f"seed-{seed}"
    info = result.info
    protocol = info["protocol"]
    shape = f"{protocol['way']}-way-{protocol['shot']}-shot" if protocol["way"] else "varied"
    parts = (info["dataset"]["id"], shape, info["method"]["id"], info["result_id"][:12])
    return Path("fsbench-results").joinpath(*map(safe_name, parts))


def report(run: Run, results: Sequence[Result], folders: Sequence[Path]) -> None:
    """Print what was measured and what the interval is about."""
    config, settings = run.config, run.config.evaluate
    interval = interval_of(results, settings.interval, settings.level)
    seeds = ", ".join(str(r.info["checkpoint"]["training_seed"]) for r in results)
    shape = results[0].info["protocol"]["id"].partition("/")[2]
    typer.echo(
        f"{config.method} ({run.method.traits.setting}) on {config.benchmark} {settings.split},"
        f" {shape}, {config.backbone}, seed {seeds}"
    )
    if len(results) > 1:
        for result in results:
            seed = result.info["checkpoint"]["training_seed"]
            typer.echo(f"  seed {seed}: {100 * result.accuracy.mean():.2f} %")
    typer.echo(f"accuracy {_percent(interval)}, {len(results[0].accuracy)} episodes")
    typer.echo(f"the interval is about {question(results, settings.interval)}")
    if interval.flags:
        typer.echo(f"take care: {', '.join(interval.flags)} (see docs/statistics.md)")
    if failures := sum(len(result.info["failures"]) for result in results):
        typer.echo(f"{failures} episodes gave no finite logits; their queries count as wrong")
    if settings.until_half_width and interval.half_width > settings.until_half_width:
        typer.echo("the half-width asked for was not reached; allow more with --episodes")
    for folder in folders:
        typer.echo(f"result: {folder}")


def _percent(interval: Interval) -> str:
    if not math.isfinite(interval.half_width):
        return f"{100 * interval.mean:.2f} % (one episode gives no interval)"
    low, high = 100 * interval.low, 100 * interval.high
    return (
        f"{100 * interval.mean:.2f} % +- {100 * interval.half_width:.2f}"
        f"  ({100 * interval.level:g}% {interval.estimand} interval {low:.2f} to {high:.2f})"
    )
