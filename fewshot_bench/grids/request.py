"""What a grid is asked for: which methods, on which episodes, of how many trained models."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fewshot_bench.config import EvaluateConfig
from fewshot_bench.data.episodes import Task
from fewshot_bench.errors import ConfigError
from fewshot_bench.registry import METHODS

ALL = "all"
COMPOSED = "fewshot_bench.methods.composed:pretrained"


@dataclass(frozen=True)
class Request:
    """The rows of a grid and its episodes.

    Attributes:
        methods: registered names, see :func:`grid_methods`.
        shots: support images per class; each gives a table of its own.
        seeds: training seeds of embeddings that are configurations.
        sampler: how episodes are drawn, a registered name.
        episodes: of each cell; None for 1,000.
        n_way: classes per episode; None for what the configuration says, or 5.
        n_query: query images per class; None for what the configuration says, or 15.
        benchmark: takes the place of the one that an embedding names.
        device: where it is computed.
    """

    methods: tuple[str, ...]
    shots: tuple[int, ...] = (1,)
    seeds: tuple[int, ...] = (0,)
    sampler: str = "uniform"
    episodes: int | None = None
    n_way: int | None = None
    n_query: int | None = None
    benchmark: str | None = None
    device: str = "auto"

    def settings(self, method: str, n_shot: int, seed: int) -> dict[str, Any]:
        """The settings of one cell, laid over those of its embedding."""
        task = {"n_way": self.n_way, "n_shot": n_shot, "n_query": self.n_query}
        evaluate = {"episodes": self.episodes, "sampler": self.sampler}
        named: dict[str, Any] = {
            "method": method,
            "benchmark": self.benchmark,
            "task": _given(task),
            "train": {"seed": seed},
            "evaluate": _given(evaluate),
        }
        return _given(named)

    def task(self, n_shot: int) -> Task:
        """The shape of episodes where no configuration says it."""
        return Task(self.n_way or 5, n_shot, self.n_query or 15)

    @property
    def evaluate(self) -> EvaluateConfig:
        """Meta-testing where no configuration says it."""
        return EvaluateConfig(episodes=self.episodes, sampler=self.sampler)


def _given(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}


def measures_features(method: str) -> bool:
    """Whether a registered method has no training of its own and leaves its backbone as it is."""
    return bool(METHODS.entry(method).target == COMPOSED)


def grid_methods(wanted: str | Iterable[str]) -> tuple[str, ...]:
    """Names of methods that measure a backbone as it is.

    Args:
        wanted: ``all``, names with commas, or names.

    Raises:
        ConfigError: there is none of a name, or it is trained by episodes.
    """
    if wanted == ALL:
        return tuple(entry.name for entry in METHODS if measures_features(entry.name))
    names = [name.strip() for name in wanted.split(",")] if isinstance(wanted, str) else wanted
    methods = tuple(dict.fromkeys(names))
    for name in methods:
        if not measures_features(name):
            raise ConfigError(
                f"{name} has a training of its own, so features of another embedding are not its;"
                " a grid takes methods on pre-trained features, as simpleshot or knn"
            )
    return methods
