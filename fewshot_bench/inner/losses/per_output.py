"""Losses that look at one output at a time, for the inner loop and for supervised training."""

from collections.abc import Callable
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.protocols import InnerLoss, TaskView
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params

Task = Literal["classification", "regression"]
Criterion = Callable[[Tensor, Tensor], Tensor]


@runtime_checkable
class OutputLoss(Protocol):
    """A loss of pairs of target and prediction, whatever they are."""

    def of_outputs(self, phi: Params, prediction: Tensor, target: Tensor) -> Tensor:
        """Predictions and targets (N, C) to losses (N,).

        For classification the predictions are probabilities and the targets one-hot; for
        regression both are as they come, and C may be 1.
        """
        ...


def of_logits(loss: OutputLoss, phi: Params, logits: Tensor, labels: Tensor) -> Tensor:
    """Mean loss of (N, C) logits with int64 labels (N,), by their softmax."""
    probabilities = logits.softmax(dim=1)
    targets = one_hot(labels, logits.shape[1], logits.dtype)
    return loss.of_outputs(phi, probabilities, targets).mean()


def criterion(loss: InnerLoss, phi: Params, task: Task) -> Criterion:
    """A loss as supervised training calls it: (outputs, targets) to a scalar.

    Args:
        loss: any inner loss that looks at logits and labels only.
        phi: its meta-parameters.
        task: ``classification`` gets logits (N, C) and int64 labels (N,); ``regression`` outputs
            and targets (N, C).

    Raises:
        ConfigError: regression with a loss of class probabilities.
    """
    if task == "classification":
        return lambda logits, labels: loss(phi, TaskView(logits, labels, {}, 0))
    if not isinstance(loss, OutputLoss):
        raise ConfigError(
            f"{type(loss).__name__} is a loss of class probabilities and does not fit regression;"
            " squared_error does"
        )
    return lambda outputs, targets: loss.of_outputs(phi, outputs, targets).mean()
