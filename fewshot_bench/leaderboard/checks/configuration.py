"""Checks of the configuration against what was measured: method, data, episodes, images."""

from collections.abc import Iterator
from typing import Any

from fewshot_bench.config import RunConfig
from fewshot_bench.data.samplers.base import make_sampler
from fewshot_bench.errors import ConfigError, ResultError
from fewshot_bench.evaluation.compact import sampler_of
from fewshot_bench.evaluation.document import Document, StopRule
from fewshot_bench.evaluation.identity import config_sha256
from fewshot_bench.evaluation.protocol import DEFAULT_EPISODES, MOST_EPISODES
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.checks.settings import config_of, image_side


def hashes(result: Result) -> Iterator[str]:
    """The hash of the configuration is its own, and the seed of training is the one it names."""
    method, checkpoint = result.document.method, result.document.checkpoint
    if config_sha256(method.config.table()) != method.config_sha256:
        yield "config_sha256 is not that of its configuration"
    train = method.config.train
    if train is not None and train.seed != checkpoint.training_seed:
        yield f"training_seed is {checkpoint.training_seed}, but train.seed is {train.seed}"


def configuration(result: Result) -> Iterator[str]:
    """Method, benchmark, task and episodes of the configuration are those that were measured."""
    document = result.document
    if (config := config_of(document)) is None:
        return
    for name, (asked, said) in _asked(config, document).items():
        if asked != said:
            yield f"{name} is {asked!r} in its configuration, but {said!r} was measured"
    yield from _length(config, document)


def _asked(config: RunConfig, document: Document) -> dict[str, tuple[Any, Any]]:
    """What the configuration asks for, and what was done."""
    protocol, dataset, checkpoint = document.protocol, document.dataset, document.checkpoint
    asked = {
        "method": (config.method, document.method.id),
        "benchmark": (config.benchmark, dataset.id),
        "evaluate.split": (config.evaluate.split, dataset.split),
        "evaluate.seed": (config.evaluate.seed, protocol.sampler.seed),
        "evaluate.sampler": (config.evaluate.sampler, protocol.sampler.drawing),
        "evaluate.sampler_options": (_sampler_options(config, document), protocol.sampler.options),
    }
    for name, number in (
        ("n_way", protocol.way),
        ("n_shot", protocol.shot),
        ("n_query", protocol.query),
    ):
        if number is not None:
            asked[f"task.{name}"] = (getattr(config.task, name), number)
    if config.image_size is not None:
        asked["image_size"] = (config.image_size, image_side(document))
    if checkpoint.training_benchmark:
        asked["train_on"] = (config.training_benchmark, checkpoint.training_benchmark)
    return asked


def _sampler_options(config: RunConfig, document: Document) -> dict[str, Any]:
    """Those of the configuration, with the defaults of the sampler for the others."""
    wanted = config.evaluate
    try:
        pool = sampler_of(document).pool
        task = sampler_of(document).task
        drawn = make_sampler(wanted.sampler, pool, task, wanted.seed, wanted.sampler_options)
    except (ConfigError, ResultError):
        return dict(wanted.sampler_options)
    return dict(drawn.options)


def _length(config: RunConfig, document: Document) -> Iterator[str]:
    """As many episodes as were asked for."""
    wanted, protocol = config.evaluate, document.protocol
    rule = protocol.stop_rule
    width = rule.fixed_width if isinstance(rule, StopRule) else None
    if width != wanted.until_half_width:
        yield f"its episodes stopped by {rule!r}, not as evaluate.until_half_width says"
    elif width is not None:
        if (wanted.episodes or MOST_EPISODES) < protocol.T:
            yield f"it has {protocol.T} episodes, more than its configuration allows"
    else:
        total = getattr(sampler_of(document), "total", None)
        asked = wanted.episodes or total or DEFAULT_EPISODES
        if asked != protocol.T:
            yield f"it has {protocol.T} episodes, but its configuration asks for {asked}"


def images(result: Result) -> Iterator[str]:
    """The preprocessing has a mean and a deviation for each channel."""
    table = result.document.dataset.preprocessing
    channels = table.get("channels")
    if channels is None and not table:
        return  # data that are no images
    for name in ("mean", "std"):
        values = table.get(name)
        plain = isinstance(values, list) and all(isinstance(v, int | float) for v in values)
        if values is not None and not (plain and len(values) == channels):
            yield f"preprocessing.{name} is not one number for each of {channels} channels"
    deviation = table.get("std")
    if isinstance(deviation, list) and not all(
        isinstance(value, int | float) and value > 0 for value in deviation
    ):
        yield "preprocessing.std is not positive"
