"""``fsbench train``: meta-train a method, or go on with a training that was stopped."""

from typing import Any

import typer

from fewshot_bench.cli import options as o
from fewshot_bench.cli.output import echo_json
from fewshot_bench.cli.plugins import run_plugins
from fewshot_bench.cli.progress import console
from fewshot_bench.launch.ranks import in_processes


def train(
    method: o.Method = None,
    benchmark: o.Benchmark = None,
    backbone: o.Backbone = None,
    n_way: o.NWay = None,
    n_shot: o.NShot = None,
    n_query: o.NQuery = None,
    seed: o.Seed = None,
    image_size: o.ImageSize = None,
    weights: o.Weights = None,
    trained_on: o.TrainedOn = None,
    input_size: o.InputSize = None,
    train_on: o.TrainOn = None,
    device: o.Device = "auto",
    devices: o.Devices = None,
    workers: o.Workers = 0,
    strategy: o.Strategy = "auto",
    compile_map: o.Compile = False,
    bank: o.Bank = "auto",
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    config: o.Config = None,
    settings: o.Settings = None,
    plugin: o.Plugins = None,
    show_config: o.ShowConfig = False,
) -> None:
    """Meta-train a method and keep the best parameters by validation accuracy.

    The same command again goes on where a stopped run was, and is done at once where it had ended.
    """
    run_plugins(plugin)
    shape, elsewhere = (n_way, n_shot, n_query), (weights, trained_on, input_size, train_on)
    named = o.run_settings(method, benchmark, backbone, image_size, shape, seed, elsewhere)
    resolved = o.build_config(named, settings, config)
    if show_config:
        return o.show_settings(resolved, as_json)
    if (code := in_processes(devices)) is not None:
        raise typer.Exit(code)
    # Imports torch, which --show-config and mistakes in options do without.
    from fewshot_bench.cli.work import obtain_model, open_run

    out = console(quiet)
    run = open_run(resolved, device, workers, strategy, compiled=compile_map, bank=bank, out=out)
    checkpoint, model = obtain_model(run, out), run.folder / "model.safetensors"
    if as_json:
        names = {"method": resolved.method, "benchmark": resolved.training_benchmark}
        facts = {"seed": resolved.train.seed, "selection": checkpoint.info["selection"]}
        return echo_json({**names, "backbone": resolved.backbone, **facts, "model": model})
    typer.echo(f"{resolved.method} on {resolved.training_benchmark}: {_chosen(checkpoint.info)}")
    return typer.echo(f"model: {model}")


def _chosen(info: dict[str, Any]) -> str:
    """How the parameters that are kept were chosen, in words."""
    selection = info["selection"]
    if selection["value"] is None:
        return f"parameters of step {selection['step']}, chosen by no validation"
    return (
        f"best validation accuracy {100 * selection['value']:.2f} % at step {selection['step']}"
        f" (of {selection['n_candidates']} validations)"
    )
