"""Options that several commands share, and the configuration they add up to."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from fewshot_bench.cli import output
from fewshot_bench.config import SEEDS, RunConfig, merge_tables, parse_setting, resolve
from fewshot_bench.config.run import RARE
from fewshot_bench.errors import ConfigError
from fewshot_bench.registry import BACKBONES, BENCHMARKS, METHODS

Method = Annotated[str | None, typer.Option("--method", "-m", help="See: fsbench list methods.")]
Benchmark = Annotated[
    str | None,
    typer.Option(
        "--benchmark", "-b", help="See: fsbench list benchmarks; or folder:PATH, features:FILE."
    ),
]
Backbone = Annotated[str | None, typer.Option(help="See: fsbench list backbones.")]
Weights = Annotated[
    str | None,
    typer.Option(help="Of a backbone torchvision:, timm: or module: - a file, or default."),
]
TrainedOn = Annotated[
    str | None, typer.Option(help="What these weights have seen, where they don't tell.")
]
InputSize = Annotated[
    int | None, typer.Option(help="Side that images are resized to for such a backbone.")
]
TrainOn = Annotated[
    str | None, typer.Option(help="Benchmark to train on, where another one is tested.")
]
ImageSize = Annotated[int | None, typer.Option(help="Side of the images in pixels.")]
NWay = Annotated[int | None, typer.Option("--n-way", help="Classes per episode.")]
NShot = Annotated[int | None, typer.Option("--n-shot", help="Support images per class.")]
NQuery = Annotated[int | None, typer.Option("--n-query", help="Query images per class.")]
Seed = Annotated[int | None, typer.Option(help="Training seed (weights and training episodes).")]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto.")]
Devices = Annotated[
    str | None,
    typer.Option(help="Share the work between so many processes, as 2, cpu:2 or cuda:2."),
]
Workers = Annotated[int, typer.Option(min=0, help="Threads that load ahead, for slow disks.")]
Strategy = Annotated[
    str, typer.Option(help="Tasks of a step: sequential, vmap (all at once), or auto by device.")
]
Compile = Annotated[bool, typer.Option("--compile", help="Compile the map of --strategy vmap.")]
Bank = Annotated[
    str, typer.Option(help="Frozen blocks: once per image (auto), or in each episode (off).")
]
Config = Annotated[Path | None, typer.Option(help="TOML file of settings.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any setting, as train.lr=0.01; repeatable."),
]
Plugins = Annotated[
    list[str] | None, typer.Option("--plugin", help="Python file that registers more; repeatable.")
]
ResultFolders = Annotated[
    list[Path],
    typer.Argument(
        help="Result folders; in each, results of one configuration count as one method."
    ),
]
Level = Annotated[float, typer.Option(min=0.5, max=0.9999, help="Confidence level.")]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace another result that lies in the folder of --out."),
]
ShowConfig = Annotated[bool, typer.Option(help="Print the resolved settings as TOML and stop.")]
Json = output.Json
Quiet = output.Quiet
MOST_SEEDS = 1000  # more in one command are a typing error
_SPAN = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def seed_list(text: str, end: int | None = None) -> list[int]:
    """``"0,1,2"``, ``"0-2"`` or ``"0,3-5"`` to numbers, in the order given.

    Args:
        text: what the user said.
        end: seeds are below it; None for as many as a configuration allows.

    Raises:
        ConfigError: unless they are different numbers below ``end``, at most ``MOST_SEEDS``.
    """
    spans = [_SPAN.fullmatch(part.strip()) for part in text.split(",")]
    limits = [(int(span[1]), int(span[2] or span[1])) for span in spans if span]
    if len(limits) < len(spans) or any(first > last for first, last in limits):
        raise _no_seeds(text)
    end = end or SEEDS
    if max(last for _, last in limits) >= end:
        limit = f"2**{end.bit_length() - 1}"
        raise ConfigError(f"a seed is a number below {limit}; in {text!r} one is larger")
    if sum(last - first + 1 for first, last in limits) > MOST_SEEDS:
        raise ConfigError(f"{text!r} are more than {MOST_SEEDS} seeds")
    seeds = [seed for first, last in limits for seed in range(first, last + 1)]
    if len(set(seeds)) < len(seeds):
        raise _no_seeds(text)
    return seeds


def chosen_seeds(seed: int | None, seeds: str | None, configured: int) -> list[int]:
    """Training seeds of a command with both ``--seed`` and ``--seeds``.

    Args:
        seed: as said; the configuration has it then.
        seeds: as said.
        configured: seed of the configuration.

    Raises:
        ConfigError: both are said, or ``seeds`` are none.
    """
    if seeds and seed is not None:
        raise ConfigError("--seed is for one training seed, --seeds for several; give one of them")
    return seed_list(seeds) if seeds else [configured]


def _no_seeds(text: str) -> ConfigError:
    return ConfigError(
        f"--seeds takes different numbers and ranges with commas, as 0,1,2 or 0-2, not {text!r}"
    )


def run_settings(
    method: str | None,
    benchmark: str | None,
    backbone: str | None,
    image_size: int | None,
    shape: tuple[int | None, int | None, int | None],
    seed: int | None,
    elsewhere: tuple[str | None, str | None, int | None, str | None],
) -> dict[str, Any]:
    """What ``train`` and ``evaluate`` both name, by dotted key.

    ``shape`` is way, shot, query; ``elsewhere`` is weights, what they were trained on, the size of
    their images, and the benchmark to train on.
    """
    return {
        **dict(zip(RARE, elsewhere, strict=True)),
        "method": method,
        "benchmark": benchmark,
        "backbone": backbone,
        "image_size": image_size,
        "task.n_way": shape[0],
        "task.n_shot": shape[1],
        "task.n_query": shape[2],
        "train.seed": seed,
    }


def method_options(settings: list[str] | None) -> dict[str, Any]:
    """What ``--set options.KEY=VALUE`` says, where nothing but options can be set."""
    table = merge_tables(*(parse_setting(text) for text in settings or []))
    if others := sorted(set(table) - {"options"}):
        raise ConfigError(f"only options can be set here, as options.lr=0.1, not {others[0]}")
    options: dict[str, Any] = table.get("options", {})
    return options


def build_config(
    named: dict[str, Any],
    settings: list[str] | None,
    config: Path | None,
    base: dict[str, Any] | None = None,
) -> RunConfig:
    """Merge named options (dotted keys, None for not given) over ``--set`` over the rest."""
    tables = [parse_setting(text) for text in settings or []]
    for dotted, value in named.items():
        if value is not None:
            for part in reversed(dotted.split(".")):
                value = {part: value}
            tables.append(value)
    resolved = resolve(merge_tables(*tables), config, base)
    check_names(resolved)
    return resolved


def check_names(config: RunConfig) -> None:
    """Raise ConfigError for a method, backbone or benchmark that nobody registered."""
    METHODS.entry(config.method)
    BACKBONES.entry(config.backbone)
    for name in {config.benchmark, config.training_benchmark}:
        if not name.startswith("features:"):
            BENCHMARKS.entry(name.partition(":")[0])


def show_settings(config: RunConfig, as_json: bool) -> None:
    """Print all settings of a run, as TOML or as JSON."""
    if as_json:
        output.echo_json(config.table())
    else:
        typer.echo(config.to_toml().rstrip())
