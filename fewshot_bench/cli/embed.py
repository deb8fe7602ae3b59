"""``fsbench embed``: features of all images of a benchmark by a pre-trained network."""

from pathlib import Path
from typing import Annotated

import typer

from fewshot_bench.cli import options as o
from fewshot_bench.cli.output import echo_json
from fewshot_bench.cli.progress import MinuteLines, console, progress_bar
from fewshot_bench.cli.work import open_named
from fewshot_bench.data.features.files import check_suffix
from fewshot_bench.interface.features import embed_by_name, named_backbone
from fewshot_bench.platform import keep_freed_memory
from fewshot_bench.training.run import choose_device

Backbone = Annotated[
    str, typer.Option(help="torchvision:NAME, timm:NAME or module:PLACE:MAKE (package or FILE.py).")
]
Data = Annotated[
    str, typer.Option("--benchmark", "-b", help="See: fsbench list benchmarks; or folder:PATH.")
]
Out = Annotated[Path, typer.Option(help="File .npz, .safetensors or .parquet.")]


def embed(
    backbone: Backbone,
    benchmark: Data,
    out: Out,
    weights: o.Weights = None,
    trained_on: o.TrainedOn = None,
    input_size: o.InputSize = None,
    image_size: o.ImageSize = None,
    device: o.Device = "auto",
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Compute the features of all images once, for --benchmark features:FILE.

    The same command again goes on where a stopped one was.
    """
    screen = console(quiet)
    check_suffix(out)
    place = choose_device(device)
    config = named_backbone(backbone, weights, trained_on, input_size)
    o.check_names(config.model_copy(update={"benchmark": benchmark}))
    store = open_named(benchmark, image_size, screen)
    keep_freed_memory(store.manifest.image_size)
    lines = MinuteLines(screen)
    with progress_bar(screen) as bar:
        task = bar.add_task("embedding", total=None, note="", begun=0, per_step=1)
        lines.begin("embedding")

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            lines.at(done, total)

        features = embed_by_name(config, store, out, device=str(place), progress=show)
    images = sum(len(pool) for pool in features.pools.values())
    external = features.embedding.trained_on
    if as_json:
        facts = {"file": out, "images": images, "length": features.length}
        return echo_json({**facts, "backbone": backbone, "trained_on": external})
    typer.echo(f"{out}: {images} features of length {features.length} by {backbone}")
    if external:
        typer.echo(f"external data: {external}")
    return typer.echo(f"next: fsbench evaluate --benchmark features:{out} --method simpleshot")
