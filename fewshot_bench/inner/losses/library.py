"""A loss by its name: a registered one, or a JSON file of a learned one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.loss_file import StoredLoss, read_loss
from fewshot_bench.inner.losses.per_output import Task
from fewshot_bench.inner.protocols import InnerLoss
from fewshot_bench.registry import LOSSES


def loss_from(name: str, task: Task | None = None, **options: Any) -> InnerLoss:
    """Make a loss.

    Args:
        name: a registered name, or the path of a loss file, which ends in ``.json``.
        task: what a loss file has to be for; None for either.
        options: keyword arguments of a registered loss; a file has none, its weights are frozen.

    Raises:
        ConfigError: unknown name, or an option that the loss does not have.
        DataError: a file that is not a possible loss, or one for another task.
    """
    if is_file(name):
        return named_file(name, task, options).loss()
    loss: InnerLoss = LOSSES.make(name, options)
    return loss


def is_file(name: object) -> bool:
    """Whether what names a loss means a file: a path, or text that ends in ``.json``."""
    return isinstance(name, Path) or (isinstance(name, str) and name.endswith(".json"))


def fixed_loss(name: str, task: Task | None = None, **options: Any) -> tuple[InnerLoss, Task]:
    """A loss with nothing left to learn, and the task that it is for.

    Args:
        name: a registered name, or the path of a loss file.
        task: None for what a file was learned for, else classification.
        options: keyword arguments of a registered loss.

    Raises:
        ConfigError: unknown name or option, or a loss that has to be learned first.
        DataError: a file that is not a possible loss, or one for another task.
    """
    if is_file(name):
        file = named_file(name, task, options)
        return file.loss(), file.task
    loss = loss_from(name, task, **options)
    if loss.init(torch.Generator()):
        raise ConfigError(
            f"{name} has to be learned first; name the file that fsbench loss train or search wrote"
        )
    return loss, task or "classification"


def named_file(name: str, task: Task | None, options: Mapping[str, Any]) -> StoredLoss:
    """The loss file that is named; raises ConfigError if there are options, which no file has."""
    if options:
        raise ConfigError(f"a loss file has no options, got {', '.join(options)}")
    return read_loss(Path(name), task)
