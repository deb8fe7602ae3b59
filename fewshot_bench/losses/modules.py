"""The losses of the catalogue as ``torch.nn.Module``, with the arguments that torch's own have."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.cross_entropy import CrossEntropy
from fewshot_bench.inner.losses.fixed import Focal
from fewshot_bench.inner.losses.fixed import LabelSmoothing as InnerLabelSmoothing
from fewshot_bench.inner.losses.library import fixed_loss
from fewshot_bench.inner.losses.per_output import OutputLoss, Task
from fewshot_bench.inner.losses.sparse_lsr import SparseLSR as InnerSparseLSR
from fewshot_bench.inner.losses.target_gradient import CurvedLoss
from fewshot_bench.inner.losses.target_loss import (
    IGNORE,
    Reduction,
    check_arguments,
    reduced,
    target_loss,
)
from fewshot_bench.inner.losses.taylor import TaylorGLO
from fewshot_bench.inner.protocols import InnerLoss
from fewshot_bench.nn.labels import one_hot


class Loss(torch.nn.Module):
    """A loss with nothing left to learn as a criterion.

    Args:
        loss: what is minimised.
        weight: (C,) factors by target class, or None; it moves with the module. For a regression
            there are none.
        ignore_index: target class of instances that don't count.
        reduction: ``none``, ``mean`` (weighted) or ``sum``, as for ``torch.nn.CrossEntropyLoss``.
        task: ``classification`` takes logits (N, C, ...) and int64 labels (N, ...);
            ``regression`` takes outputs and targets (N, C).

    Raises:
        ConfigError: the loss has to be learned first, or does not fit the task.
    """

    weight: Tensor | None

    def __init__(
        self,
        loss: InnerLoss,
        weight: Tensor | None = None,
        ignore_index: int = IGNORE,
        reduction: Reduction = "mean",
        task: Task = "classification",
    ) -> None:
        super().__init__()
        if loss.init(torch.Generator()):
            raise ConfigError(f"{type(loss).__name__} has to be learned before it can be a module")
        if task == "regression" and (weight is not None or not isinstance(loss, OutputLoss)):
            raise ConfigError(
                f"{type(loss).__name__} is a loss of class probabilities and does not fit"
                " regression"
                if weight is None
                else "a regression has no weights of classes"
            )
        self.loss, self.task = loss, task
        self.register_buffer("weight", weight)
        self.ignore_index, self.reduction = ignore_index, reduction

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """A scalar, or a loss for each instance where nothing is reduced."""
        loss, weight = self.loss, self.weight
        arguments: dict[str, Any] = {
            "ignore_index": self.ignore_index,
            "reduction": self.reduction,
        }
        if isinstance(loss, CrossEntropy | InnerLabelSmoothing):
            smoothing = getattr(loss, "smoothing", 0.0)
            return F.cross_entropy(outputs, target, weight, label_smoothing=smoothing, **arguments)
        if isinstance(loss, CurvedLoss):
            n_classes = outputs.shape[min(outputs.ndim - 1, 1)] if outputs.ndim else 0
            curve = loss.curve(n_classes)
            return target_loss(curve, outputs, target, weight=weight, **arguments)
        if not isinstance(loss, OutputLoss):
            raise ConfigError(f"{type(loss).__name__} looks at more than outputs and targets")
        if self.task == "regression":
            rows = loss.of_outputs({}, outputs, target)
            return {"none": rows, "sum": rows.sum(), "mean": rows.mean()}[self.reduction]
        return self._of_probabilities(loss, outputs, target)

    def _of_probabilities(self, loss: OutputLoss, logits: Tensor, target: Tensor) -> Tensor:
        check_arguments(logits, target, self.weight, self.reduction)
        counts = target != self.ignore_index
        index = target.where(counts, 0)
        classes = -1 if logits.ndim == 1 else 1
        flat = logits.movedim(classes, -1).reshape(-1, logits.shape[classes])
        # An ignored instance may hold anything, and 0 * inf is nan.
        flat = flat.where(counts.reshape(-1, 1), 0.0)
        members = one_hot(index.flatten(), flat.shape[1], flat.dtype)
        rows = loss.of_outputs({}, self._seen(loss, flat), members).view(target.shape)
        return reduced(rows, index, counts, self.weight, self.reduction)

    @staticmethod
    def _seen(loss: OutputLoss, logits: Tensor) -> Tensor:
        seen = getattr(loss, "seen", None)
        shown: Tensor = logits.softmax(dim=1) if seen is None else seen(logits)
        return shown

    def extra_repr(self) -> str:
        """What ``print(model)`` shows."""
        options = {k: v for k, v in vars(self.loss).items() if isinstance(v, int | float | tuple)}
        words = [f"{name}={value}" for name, value in options.items()]
        return ", ".join([*words, f"reduction={self.reduction!r}"])


class SparseLSR(Loss):
    """Label smoothing with all of the smoothing put on the target's output.

    Source: Raymond 2024, arXiv 2406.09713; see
    :func:`fewshot_bench.inner.losses.sparse_lsr.sparse_lsr`.

    Args:
        smoothing: xi in [0, 1).
        weight: see :class:`Loss`; one factor applies to the whole instance.
        ignore_index: see :class:`Loss`.
        reduction: see :class:`Loss`.

    >>> logits = torch.tensor([[2.0, 0.0, -1.0]])
    >>> round(SparseLSR(0.1)(logits, torch.tensor([0])).item(), 3)
    0.329
    """

    def __init__(
        self,
        smoothing: float = 0.1,
        weight: Tensor | None = None,
        ignore_index: int = IGNORE,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(InnerSparseLSR(smoothing), weight, ignore_index, reduction)


class FocalLoss(Loss):
    """-(1 - p_t)^gamma log p_t (Lin et al. 2017, arXiv 1708.02002), softmax over the classes.

    Args:
        gamma: exponent, at least 0; 0 is cross-entropy.
        weight: see :class:`Loss`; the paper's alpha.
        ignore_index: see :class:`Loss`.
        reduction: see :class:`Loss`.
    """

    def __init__(
        self,
        gamma: float = 2.0,
        weight: Tensor | None = None,
        ignore_index: int = IGNORE,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(Focal(gamma), weight, ignore_index, reduction)


class LabelSmoothing(Loss):
    """Cross-entropy against (1 - xi) one-hot + xi / C (Szegedy et al. 2016, arXiv 1512.00567).

    This is torch's own, here beside the others.

    Args:
        smoothing: xi in [0, 1).
        weight: see :class:`Loss`; as torch does it, each class's share of the target has its own.
        ignore_index: see :class:`Loss`.
        reduction: see :class:`Loss`.
    """

    def __init__(
        self,
        smoothing: float = 0.1,
        weight: Tensor | None = None,
        ignore_index: int = IGNORE,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(InnerLabelSmoothing(smoothing), weight, ignore_index, reduction)


class TaylorLoss(Loss):
    """TaylorGLO's polynomial (Gonzalez and Miikkulainen 2021, arXiv 2002.00059).

    Args:
        coefficients: the 8 numbers that a search has found, see
            :func:`fewshot_bench.inner.losses.taylor.taylor_loss`.
        weight: see :class:`Loss`.
        ignore_index: see :class:`Loss`.
        reduction: see :class:`Loss`.
        task: see :class:`Loss`.
    """

    def __init__(
        self,
        coefficients: Sequence[float],
        weight: Tensor | None = None,
        ignore_index: int = IGNORE,
        reduction: Reduction = "mean",
        task: Task = "classification",
    ) -> None:
        super().__init__(TaylorGLO(coefficients), weight, ignore_index, reduction, task)


def load(
    name: str,
    weight: Tensor | None = None,
    ignore_index: int = IGNORE,
    reduction: Reduction = "mean",
    task: Task | None = None,
    **options: Any,
) -> Loss:
    """A loss by its name, or by the path of its file.

    Args:
        name: a registered loss (``fsbench list losses``), or a loss file, which ends in ``.json``.
        weight: see :class:`Loss`.
        ignore_index: see :class:`Loss`.
        reduction: see :class:`Loss`.
        task: what it is for; None for what a file was learned for, else classification.
        options: keyword arguments of a registered loss.

    Raises:
        ConfigError: unknown name or option, a loss that has to be learned first, or one that
            does not fit the task.
        DataError: a file that is not a possible loss, or one for another task.

    >>> load("focal", gamma=1.0, reduction="sum")
    Loss(gamma=1.0, reduction='sum')
    """
    loss, found = fixed_loss(name, task, **options)
    return Loss(loss, weight, ignore_index, reduction, found)
