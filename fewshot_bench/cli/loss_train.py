"""``fsbench loss train``: learn a loss network offline. And what ``compare`` has in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from fewshot_bench.cli.options import Plugins
from fewshot_bench.cli.output import Json, Quiet, echo_json
from fewshot_bench.cli.plugins import run_plugins
from fewshot_bench.cli.progress import MinuteLines, console
from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.loss_file import network_file, write_loss
from fewshot_bench.inner.losses.network import adalfl, ml3
from fewshot_bench.platform import keep_freed_memory
from fewshot_bench.supervised.catalogue import load_data
from fewshot_bench.supervised.models import build_model
from fewshot_bench.supervised.offline import OfflineRecipe
from fewshot_bench.supervised.train import Recipe
from fewshot_bench.training.adalfl import OnlineRecipe
from fewshot_bench.training.loss_bench import Bench

Data = Annotated[
    str,
    typer.Option(
        help="diabetes, california, digits, breast-cancer, wine; or a benchmark, whose training"
        " classes are one classification task."
    ),
]
Model = Annotated[str, typer.Option(help="linear, mlp, mlp-128, lenet5, or a backbone.")]
ImageSize = Annotated[int | None, typer.Option(help="Side of a benchmark's images in pixels.")]
MaxClasses = Annotated[
    int | None, typer.Option(min=2, help="Only the first so many classes of a benchmark.")
]
BatchSize = Annotated[int, typer.Option(min=1, help="Examples per step.")]
Rate = Annotated[float, typer.Option(min=0, help="Learning rate of the network.")]
OfflineSteps = Annotated[int, typer.Option(min=0, help="Updates of a loss before training.")]
OfflineRate = Annotated[
    float, typer.Option(min=0, help="Learning rate of a loss before training, by Adam.")
]
OfflineHorizon = Annotated[
    int, typer.Option(min=1, help="Training steps in each update of a loss before training.")
]
# Searches train with the seeds above these, so that no comparison has those a loss was chosen on.
SEEDS = 2**32
Seed = Annotated[int, typer.Option(min=0, max=SEEDS - 1, help="Seed.")]
Outer = Annotated[
    str, typer.Option(help="Part that losses are learned on: val, or train for no more labels.")
]


def train(
    loss: Annotated[str, typer.Argument(help="ml3 or adalfl.")],
    out: Annotated[Path, typer.Option(help="Loss file to write, ending in .json.")],
    data: Data = "digits",
    model: Model = "mlp",
    image_size: ImageSize = None,
    max_classes: MaxClasses = None,
    batch_size: BatchSize = 128,
    lr: Rate = 0.01,
    offline_steps: OfflineSteps = 250,
    offline_lr: OfflineRate = 1e-3,
    offline_horizon: OfflineHorizon = 1,
    scale: Annotated[str, typer.Option(help="Of adalfl: paper or free.")] = "paper",
    outer: Outer = "val",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
    plugin: Plugins = None,
) -> None:
    """Learn a loss network offline and write it to a file, which can be named wherever a loss can.

    Each update of the loss takes one training step from fresh weights.
    """
    if loss not in ("ml3", "adalfl"):
        raise ConfigError(f"{loss!r} is not learned offline; choose ml3 or adalfl")
    if scale not in (("paper", "free") if loss == "adalfl" else ("paper",)):
        raise ConfigError(f"--scale {scale} is not possible; adalfl has paper and free")
    check_out(out)
    run_plugins(plugin)
    recipe = {"batch_size": batch_size, "lr": lr}
    offline = {"steps": offline_steps, "lr": offline_lr, "inner_steps": offline_horizon}
    bench = open_bench(data, model, (image_size, max_classes), recipe, offline, outer)
    network = ml3() if loss == "ml3" else adalfl(scale=scale, task=bench.data.task)  # type: ignore[arg-type]
    phi = bench.learn(network, seed, _counter(f"learning {loss}", offline_steps, quiet))
    images = {"image_size": image_size, "max_classes": max_classes}
    learning = {"offline_steps": offline_steps, "offline_lr": offline_lr, "outer": outer}
    learning |= {"offline_horizon": offline_horizon} if offline_horizon > 1 else {}
    facts = {"data": data, "model": model, **images, **recipe, **learning, "seed": seed}
    file = network_file(loss, bench.data.task, phi, scale=scale, provenance=facts)  # type: ignore[arg-type]
    write_loss(out, file)
    if as_json:
        return echo_json({"loss": out, "kind": loss, "task": bench.data.task, "provenance": facts})
    return typer.echo(f"loss: {out}")


def _counter(what: str, total: int, quiet: bool) -> Callable[[int], None]:
    """Is told how many updates are done; says each minute when the last will be."""
    lines = MinuteLines(console(quiet))
    lines.begin(what)
    return lambda done: lines.at(done, total)


def check_out(out: Path) -> None:
    """Raise ConfigError for a path that can't be a loss file's."""
    if out.suffix != ".json":
        raise ConfigError(f"--out takes a loss file, ending in .json, not {out}")


def open_bench(
    data: str,
    model: str,
    images: tuple[int | None, int | None],
    recipe: dict[str, int | float],
    offline: dict[str, int | float],
    outer: str,
    online_lr: float | None = 0.0,
) -> Bench:
    """Data and network with how they are trained.

    ``images`` is a benchmark's image size and number of classes; ``recipe`` and ``offline`` have
    fields of ``Recipe`` and ``OfflineRecipe``.
    """
    if outer not in ("train", "val"):
        raise ConfigError(f"--outer must be train or val, not {outer!r}")
    keep_freed_memory()
    loaded = load_data(data, *images)
    return Bench(
        build_model(model, loaded),
        loaded,
        Recipe(**recipe),  # type: ignore[arg-type]
        OfflineRecipe(**offline, outer=outer),  # type: ignore[arg-type]
        OnlineRecipe(lr=online_lr, outer=outer),  # type: ignore[arg-type]
    )
