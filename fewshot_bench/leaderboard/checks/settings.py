"""What the checks read of a result's configuration, with today's models of it."""

import functools
import json
import re
from dataclasses import dataclass

from pydantic import ValidationError

from fewshot_bench.config import RunConfig
from fewshot_bench.data.benchmark import Benchmark
from fewshot_bench.errors import ConfigError, ResultError
from fewshot_bench.evaluation.document import Document
from fewshot_bench.registry import BACKBONES, BENCHMARKS, HOME, METHODS, Entry

FEATURES = "features"  # the backbone that makes nothing of them
LARGEST_SIDE = 256  # pixels; what claims more is not built
_SIZE = re.compile(r"(\d{1,4})x\1\b")  # how the preprocessing begins: ``32x32, aspect ...``


def config_of(document: Document) -> RunConfig | None:
    """The configuration of a model that this suite trained; None of any other.

    Raises:
        ResultError: a setting is unknown or out of range.
    """
    table = document.method.config.table()
    if table.get("train") is None:
        return None
    try:
        return RunConfig.model_validate(table)
    except (ValidationError, ConfigError) as error:
        raise ResultError(f"its configuration is none: {_first(error)}") from error


def _first(error: ValidationError | ConfigError) -> str:
    if isinstance(error, ConfigError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def own_entry(document: Document) -> Entry | None:
    """The entry of a method of this package; nothing is known of other people's."""
    name = document.method.id
    if name not in METHODS or (entry := METHODS.entry(name)).origin != HOME:
        return None
    return entry


def own_backbone(document: Document) -> bool:
    """Whether the backbone is a network of this package, whose parameters this suite made."""
    name = document.method.config.backbone
    if ":" in name or name == FEATURES or name not in BACKBONES:
        return False
    return BACKBONES.entry(name).origin == HOME


def own_benchmark(name: str) -> Benchmark | None:
    """A benchmark of this package by its name; None of others, and of people's own folders."""
    if name not in BENCHMARKS or (entry := BENCHMARKS.entry(name)).origin != HOME:
        return None
    found = entry.load()
    return found if isinstance(found, Benchmark) else None


def one_split(name: str) -> bool:
    """Whether a benchmark always has the same classes in the same splits."""
    benchmark = own_benchmark(name)
    return benchmark is not None and bool(benchmark.official or benchmark.generate)


def image_side(document: Document) -> int | None:
    """Side in pixels of the images that the model saw; None where the preprocessing does not tell.

    A model of other data sees images as it was trained on, whatever is stored.
    """
    told = document.dataset.preprocessing
    found = _SIZE.match(str(told.get("then_resize", told.get("resize", ""))))
    return int(found[1]) if found else None


def image_channels(document: Document) -> int | None:
    """Channels of these images, in the same way."""
    told = document.dataset.preprocessing
    if "then_channels" in told:
        return 1 if str(told["then_channels"]).startswith("grey by luma") else 3
    channels = told.get("channels")
    return channels if isinstance(channels, int) else None


@dataclass(frozen=True)
class Made:
    """What a method of this package is once it is built.

    Attributes:
        told_counts: whether it is told how many queries each class has.
        n_params: numbers in its parameters and buffers.
        trains: whether it has a training of its own.
        stages: names of stages that it can't do without.
    """

    told_counts: bool
    n_params: int
    trains: bool
    stages: tuple[str, ...]


def made(document: Document) -> Made | None:
    """The method that the configuration makes; None where this package does not know all of it.

    Raises:
        ConfigError: the options are not those of the method, or can't be.
    """
    config, channels, side = config_of(document), image_channels(document), image_side(document)
    if config is None or channels is None or side is None or side > LARGEST_SIDE:
        return None
    if own_entry(document) is None or not own_backbone(document):
        return None
    way = document.protocol.way or config.task.n_way
    options = json.dumps(config.options, sort_keys=True)
    return _made(config.method, config.backbone, options, channels, side, way)


@functools.lru_cache(maxsize=256)  # seeds of a row, and shots of a method, share it
def _made(name: str, backbone: str, options: str, channels: int, side: int, way: int) -> Made:
    # These import torch, which building a leaderboard does without.
    import torch

    from fewshot_bench.methods.base import Setup
    from fewshot_bench.methods.build import build_method
    from fewshot_bench.nn.backbone import ImageShape

    setup = Setup(backbone, ImageShape(channels, side), way)
    method = build_method(name, setup, json.loads(options))
    start = method.init(torch.Generator().manual_seed(0))
    traits, count = method.traits, sum(value.numel() for value in start.values())
    return Made(traits.told_counts, count, traits.trains, tuple(traits.stages))
