"""``fsbench grid``: every classifier on every trained embedding."""

from pathlib import Path
from typing import Annotated

import typer

from fewshot_bench.cli import options as o
from fewshot_bench.cli.output import echo_json
from fewshot_bench.cli.plugins import run_plugins
from fewshot_bench.errors import ConfigError

Embeddings = Annotated[
    str,
    typer.Option(
        help="With commas, each may be NAME=PATH: a TOML file of settings whose stages train a"
        " backbone; a model file, or a folder of one for each seed; features:FILE."
    ),
]
Classifiers = Annotated[
    str, typer.Option(help="all, or methods on pre-trained features with commas.")
]
Shots = Annotated[str, typer.Option("--n-shot", help="Support images per class, as 1,5.")]
Sampler = Annotated[str, typer.Option(help="How to draw episodes, as uniform or dirichlet.")]
Seeds = Annotated[str, typer.Option(help="Training seeds of TOML files, as 0,1,2 or 0-2.")]
Episodes = Annotated[int | None, typer.Option(help="Test episodes of a cell; default 1,000.")]
Benchmark = Annotated[
    str | None, typer.Option("--benchmark", "-b", help="In place of the embedding's own.")
]
Out = Annotated[Path, typer.Option(help="Folder of the grid; what it holds is not measured again.")]
Picture = Annotated[
    Path | None,
    typer.Option("--plot", help="Heat map to write: .png, .svg or .pdf; default: in --out, both."),
]


def grid(
    embeddings: Embeddings,
    out: Out,
    classifiers: Classifiers = "all",
    benchmark: Benchmark = None,
    n_way: o.NWay = None,
    n_shot: Shots = "1",
    n_query: o.NQuery = None,
    sampler: Sampler = "uniform",
    seeds: Seeds = "0",
    episodes: Episodes = None,
    level: o.Level = 0.95,
    picture: Picture = None,
    device: o.Device = "auto",
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    plugin: o.Plugins = None,
) -> None:
    """Measure every classifier on every trained embedding, from features computed once.

    Each cell is an ordinary result in the folder of --out. A stopped grid goes on with the same
    command. Cells that fail are named at the end; the exit code is 1 then.
    """
    run_plugins(plugin)
    # These import torch, which mistakes in names do without.
    from fewshot_bench.cli.progress import TrainingDisplay, console
    from fewshot_bench.grids.request import Request, grid_methods
    from fewshot_bench.grids.run import measure_grid
    from fewshot_bench.leaderboard.plots.files import check_suffix
    from fewshot_bench.platform import keep_freed_memory

    stem = "grid" if sampler == "uniform" else f"grid-{sampler}"
    pictures = [picture] if picture else [out / f"{stem}.png", out / f"{stem}.svg"]
    for path in pictures:
        check_suffix(path)
    request = Request(
        methods=grid_methods(classifiers),
        shots=_shots(n_shot),
        seeds=tuple(o.seed_list(seeds)),
        sampler=sampler,
        episodes=episodes,
        n_way=n_way,
        n_query=n_query,
        benchmark=benchmark,
        device=device,
    )
    keep_freed_memory()
    with TrainingDisplay(console(quiet)) as display:
        found = measure_grid(embeddings, request, out, display, level=level, overwrite=overwrite)
    if found.entries:
        for path in pictures:
            found.save_plot(path)
    if as_json:
        cells = [entry.record() for entry in found.entries]
        names = {"sampler": sampler, "level": level}
        echo_json({**names, "cells": cells, "failures": found.failures})
    else:
        typer.echo(str(found))
    for line in found.failures:
        typer.echo(f"fsbench: failed: {line}", err=True)
    if found.failures:
        raise typer.Exit(1)


def _shots(text: str) -> tuple[int, ...]:
    """``"1,5"`` to numbers; raises ConfigError for anything else."""
    try:
        shots = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        shots = ()
    if not shots or min(shots) < 1:
        raise ConfigError(f"--n-shot takes whole numbers from 1 with commas, as 1,5, not {text!r}")
    return shots
