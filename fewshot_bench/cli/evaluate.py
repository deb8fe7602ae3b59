"""``fsbench evaluate``: the accuracy of a method, with an interval and what it is about."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fewshot_bench.cli import options as o
from fewshot_bench.cli.plugins import run_plugins
from fewshot_bench.config import RunConfig, validated
from fewshot_bench.errors import CheckpointError, ConfigError
from fewshot_bench.launch.ranks import in_processes
from fewshot_bench.registry import METHODS

Episodes = Annotated[int | None, typer.Option(help="Number of test episodes.")]
EpisodeSeed = Annotated[int | None, typer.Option(help="Which list of test episodes.")]
Seeds = Annotated[
    str | None,
    typer.Option(help="Several training seeds, as 0,1,2 or 0-2: an interval about the method."),
]
IntervalKind = Annotated[
    str | None, typer.Option(help="What it covers: closed, open_images or open_classes.")
]
UntilHalfWidth = Annotated[
    float | None, typer.Option(help="Stop once the closed interval is this short, as 0.005.")
]
SamplerMode = Annotated[
    str | None, typer.Option(help="How to draw episodes: uniform, disjoint, dirichlet, varied.")
]
CheckpointFile = Annotated[
    Path | None, typer.Option("--checkpoint", help="Trained model; default: train or reuse one.")
]
Out = Annotated[Path | None, typer.Option(help="Folder for result.json and episodes.npz.")]


def evaluate(
    method: o.Method = None,
    benchmark: o.Benchmark = None,
    backbone: o.Backbone = None,
    n_way: o.NWay = None,
    n_shot: o.NShot = None,
    n_query: o.NQuery = None,
    episodes: Episodes = None,
    seed: o.Seed = None,
    seeds: Seeds = None,
    episode_seed: EpisodeSeed = None,
    interval: IntervalKind = None,
    until_half_width: UntilHalfWidth = None,
    sampler: SamplerMode = None,
    checkpoint: CheckpointFile = None,
    image_size: o.ImageSize = None,
    weights: o.Weights = None,
    trained_on: o.TrainedOn = None,
    input_size: o.InputSize = None,
    train_on: o.TrainOn = None,
    device: o.Device = "auto",
    devices: o.Devices = None,
    workers: o.Workers = 0,
    bank: o.Bank = "auto",
    out: Out = None,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    config: o.Config = None,
    settings: o.Settings = None,
    plugin: o.Plugins = None,
    show_config: o.ShowConfig = False,
) -> None:
    """Measure a method on test episodes of unseen classes.

    Without --checkpoint a model trained for the same configuration is taken from the cache; if
    there is none it is trained first, with the benchmark's quick recipe.
    """
    run_plugins(plugin)
    shape, elsewhere = (n_way, n_shot, n_query), (weights, trained_on, input_size, train_on)
    named = o.run_settings(method, benchmark, backbone, image_size, shape, seed, elsewhere)
    named |= {
        "evaluate.episodes": episodes,
        "evaluate.seed": episode_seed,
        "evaluate.interval": interval,
        "evaluate.until_half_width": until_half_width,
        "evaluate.sampler": sampler,
    }
    base = _stored_config(checkpoint, method) if checkpoint else None
    resolved = o.build_config(named, settings, config, base)
    if base:
        _check_untouched(resolved, base)
    if show_config:
        o.show_settings(resolved, as_json)
        return
    if (code := in_processes(devices)) is not None:
        raise typer.Exit(code)
    # Imports torch, which --show-config and mistakes in options do without.
    from fewshot_bench.cli.measure import Output, measure

    chosen = o.chosen_seeds(seed, seeds, resolved.train.seed)
    output = Output(out, overwrite, quiet, as_json)
    measure(resolved, chosen, checkpoint, device, workers, output, bank)


def _stored_config(checkpoint: Path, method: str | None) -> dict[str, Any]:
    """The configuration a model was trained with, which takes the recipe's place."""
    from fewshot_bench.training.checkpoint import load_checkpoint

    stored = load_checkpoint(checkpoint).info.get("config")
    if not isinstance(stored, dict):
        raise CheckpointError(f"{checkpoint} is the state of a training, not a trained model")
    table = {key: value for key, value in stored.items() if key != "evaluate"}
    if method in (None, stored["method"]):
        return table
    options = METHODS.entry(method).measuring(METHODS.entry(stored["method"]))
    if options is None:
        raise CheckpointError(f"{checkpoint} has method {stored['method']}, not {method}")
    return table | {"method": method, "options": stored["options"] | options}


def _check_untouched(resolved: RunConfig, base: dict[str, Any]) -> None:
    """Raise ConfigError where settings would say that a model was trained otherwise than it was."""
    stored = validated(RunConfig, base)
    for part in ("train", "stages"):
        if getattr(resolved, part) != getattr(stored, part):
            raise ConfigError(
                f"--checkpoint is a model that is trained already: its settings of {part} stay"
            )
