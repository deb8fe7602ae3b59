"""A loss by its name: a registered one, or a JSON file of a learned one."""

import inspect
from pathlib import Path
from typing import Any

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.loss_file import read_loss
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
    if name.endswith(".json"):
        if options:
            raise ConfigError(f"a loss file has no options, got {', '.join(options)}")
        return read_loss(Path(name), task).loss()
    entry = LOSSES.entry(name)
    factory, given = entry.load(), entry.options | options
    known = inspect.signature(factory).parameters
    if unknown := [option for option in given if option not in known]:
        raise ConfigError(
            f"loss {name!r} has no option {unknown[0]!r}; it has: {', '.join(known) or 'none'}"
        )
    loss: InnerLoss = factory(**given)
    return loss
