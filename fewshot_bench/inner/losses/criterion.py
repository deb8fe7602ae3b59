"""Any loss of the catalogue as the criterion of ordinary supervised training."""

from typing import Any

from fewshot_bench.inner.losses.library import fixed_loss
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
    loss, _ = fixed_loss(name, task, **options)
    return criterion(loss, {}, task)
