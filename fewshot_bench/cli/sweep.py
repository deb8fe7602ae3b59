"""``fsbench sweep``: many measurements from one file, on this machine or on a cluster."""

from pathlib import Path
from typing import Annotated

import typer

from fewshot_bench.cli import options as o
from fewshot_bench.launch.engines import EngineName, jobs_that_fit
from fewshot_bench.launch.spec import configurations, read_sweep

File = Annotated[Path, typer.Argument(help="TOML file: methods, benchmarks, shots, seeds ...")]
EngineOption = Annotated[EngineName, typer.Option(help="Where the work is done.")]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Processes at once; default: as many as there are cores.")
]
Out = Annotated[Path | None, typer.Option(help="Folder of the results; default: as the file says.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the plan, of Slurm also the scripts, and stop.")
]


def sweep(
    file: File,
    engine: EngineOption = "local",
    jobs: Jobs = None,
    out: Out = None,
    dry_run: DryRun = False,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    plugin: o.Plugins = None,
) -> None:
    """Measure every combination of methods, data, shots, seeds and settings of a file.

    Cells that are there are not measured again, so the same command goes on with what is missing.
    Exit code 1 if a cell failed; the others are measured all the same.
    """
    spec = read_sweep(file)
    spec = spec.model_copy(update={"plugins": [*spec.plugins, *(plugin or [])]})
    folder = out or Path(spec.out or Path("fsbench-results") / file.stem)
    # Imports torch, which mistakes in the file do without.
    from fewshot_bench.cli.sweeping import Request, dry, run
    from fewshot_bench.launch.work import load_plugins

    request = Request(engine, jobs or jobs_that_fit(spec.threads), folder, as_json, quiet)
    load_plugins(request.place(spec))
    (dry if dry_run else run)(spec, configurations(spec), request)
