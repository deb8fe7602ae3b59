"""Any loss of the catalogue as the criterion of ordinary supervised training."""

from typing import Any

import torch

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.library import loss_from
from fewshot_bench.inner.losses.per_output import Criterion, Task, criterion


def supervised_loss(name: str, task: Task = "classification", **options: Any) -> Criterion:
    """Make a criterion with nothing left to learn.

    Args:
        name: a registered loss, or the path of a loss file.
        task: ``classification`` or ``regression``.
        options: keyword arguments of a registered loss.

    Returns:
        (logits (N, C), int64 labels (N,)) to a scalar, or (outputs, targets) for a regression.

    Raises:
        ConfigError: unknown name or option, a loss that has to be learned first, or one that
            does not fit the task.
        DataError: a file that is not a possible loss, or one for the other task.
    """
    loss = loss_from(name, task, **options)
    if loss.init(torch.Generator()):
        raise ConfigError(
            f"{name} has to be learned first; name the file that fsbench loss train or search wrote"
        )
    return criterion(loss, {}, task)
