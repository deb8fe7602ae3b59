"""``fsbench tune``: settings chosen on validation classes, with one budget for all methods."""

from pathlib import Path

import typer

from fewshot_bench.cli import options as o
from fewshot_bench.cli.sweep import EngineOption, File, Jobs, Out


def tune(
    file: File,
    engine: EngineOption = "local",
    jobs: Jobs = None,
    out: Out = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    plugin: o.Plugins = None,
) -> None:
    """Choose settings on validation classes, with the same budget for every method.

    Trials that are done are not repeated, so the same command goes on where it was stopped.
    Writes a TOML file for each method, for evaluate --config or for per_method of a sweep.
    """
    # Imports torch.
    from fewshot_bench.cli.tuning import run_tuning
    from fewshot_bench.launch.engines import jobs_that_fit
    from fewshot_bench.launch.job import Place
    from fewshot_bench.launch.tune import read_tuning
    from fewshot_bench.launch.work import load_plugins

    spec = read_tuning(file)
    spec = spec.model_copy(update={"plugins": [*spec.plugins, *(plugin or [])]})
    folder = out or Path(spec.out or Path("fsbench-tuned") / file.stem)
    load_plugins(Place.of(spec, folder))
    jobs = jobs or jobs_that_fit(spec.threads)
    failed = run_tuning(spec, engine, jobs, folder, as_json=as_json, quiet=quiet)
    if failed:
        raise typer.Exit(1)
