"""Gradients of many losses in the outputs of networks, one loss per stack of outputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.search.duals import Dual, dual, weight_gradient

PairLoss = Callable[[Tensor, Tensor], Tensor]  # predictions and targets (N, C) to losses (N,)


class Losses(Protocol):
    """K losses of outputs and targets."""

    def __len__(self) -> int:
        """K."""
        ...

    def gradients(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mean losses and their gradients.

        Args:
            outputs: (K, N, C), or (N, C), the same for all losses; without a graph.
            targets: int64 (N,) class numbers, which make it a classification, or float (N, C).

        Returns:
            Mean of each loss over the instances (K,), and its gradient in the outputs (K, N, C).
        """
        ...


def pairs(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """What a loss is shown.

    Args:
        outputs: (..., N, C) logits, or outputs of a regression.
        targets: int64 (N,) class numbers, which make it a classification, or float (N, C).

    Returns:
        Probabilities (..., N, C) and one-hot targets (N, C); for regression both as they are.
    """
    if targets.is_floating_point():
        return outputs, targets
    # Over short rows torch's softmax is many times slower than over the columns of a matrix.
    probabilities = outputs.mT.contiguous().softmax(-2).mT.contiguous()
    return probabilities, F.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)


def through_softmax(predictions: Tensor, vectors: Tensor, targets: Tensor) -> Tensor:
    """Product of vectors (..., N, C) with the derivative of the predictions in the outputs.

    It is symmetric, so a change of the outputs becomes one of the predictions, and a gradient in
    the predictions one in the outputs. For regression the predictions are the outputs.
    """
    if targets.is_floating_point():
        return vectors
    weighted = predictions * vectors
    return torch.addcmul(weighted, predictions, weighted.sum(-1, keepdim=True), value=-1)


@dataclass(frozen=True, eq=False)
class FunctionLosses:
    """Any differentiable functions, by autograd.

    Attributes:
        functions: K functions of predictions and targets.
    """

    functions: Sequence[PairLoss]

    def __len__(self) -> int:
        """K."""
        return len(self.functions)

    def gradients(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """See :class:`Losses`."""
        free = outputs.expand(len(self), *outputs.shape[-2:]).clone().requires_grad_()
        predictions, wanted = pairs(free, targets)
        rows = zip(self.functions, predictions.unbind(), strict=True)
        values = torch.stack([loss(prediction, wanted) for loss, prediction in rows]).mean(-1)
        [grads] = torch.autograd.grad(values.sum(), [free], materialize_grads=True)
        return values.detach(), grads


@dataclass(frozen=True, eq=False)
class TreeLosses:
    """Weighted trees, by their duals.

    Attributes:
        expressions: K trees.
        weights: (n_edges,) weights of each.
    """

    expressions: Sequence[Expression]
    weights: Sequence[Sequence[float]]

    def __len__(self) -> int:
        """K."""
        return len(self.expressions)

    def gradients(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """See :class:`Losses`."""
        predictions, wanted = pairs(outputs, targets)
        return mean_gradients(self.duals(predictions, wanted), predictions, targets)

    def duals(self, predictions: Tensor, wanted: Tensor) -> list[Dual]:
        """Each tree at its (N * C) predictions and targets; predictions as in ``gradients``."""
        shape = (len(self), wanted.numel())
        rows = np.broadcast_to(predictions.reshape(-1, shape[1]).numpy(), shape)
        target = wanted.reshape(-1).numpy()
        with np.errstate(all="ignore"):
            each = zip(self.expressions, self.weights, rows, strict=True)
            return [dual(e, weights, row, target) for e, weights, row in each]


def mean_gradients(
    duals: Sequence[Dual], predictions: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    """What :meth:`Losses.gradients` returns, of trees at their predictions."""
    n, c = predictions.shape[-2:]
    values = torch.empty(len(duals), n * c, dtype=predictions.dtype)
    slopes = torch.empty(len(duals), n * c, dtype=predictions.dtype)
    with np.errstate(all="ignore"):
        for value, slope, at in zip(values.numpy(), slopes.numpy(), duals, strict=True):
            value[:] = at.value
            slope[:] = 0 if at.slope is None else at.slope
    grads = through_softmax(predictions, slopes.view(-1, n, c), targets)
    return values.sum(1) / n, grads / n


def weight_gradients(duals: Sequence[Dual], directions: Tensor) -> list[list[float]]:
    """Gradients in the weights of each tree of the sum of its direction (N, C) times its slopes.

    Args:
        duals: K trees at N * C predictions.
        directions: (K, N, C).
    """
    rows = directions.flatten(1).numpy()
    with np.errstate(all="ignore"):
        return [weight_gradient(at, row) for at, row in zip(duals, rows, strict=True)]
