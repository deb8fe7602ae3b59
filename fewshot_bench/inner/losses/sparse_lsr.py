"""SparseLSR: label smoothing with all of the smoothing put on the target's output.

Source: arXiv 2406.09713 (the formula with the sign of its equations; the published code adds the
second term instead of subtracting it, which has no minimum).

    loss = -a log p_t - b log((1 - p_t) / (C - 1)),  a = 1 - xi + xi / C,  b = 1 - a

Label smoothing averages the logarithms of the other classes' probabilities; this takes the
logarithm of their average, so only p_t is left of a sum over C classes. By Jensen's inequality it
is never above label smoothing, and both have their minimum at p_t = a. With the target's
log-odds d it is one line, exact for p_t near 0 and near 1:

    loss = b (d + log(C - 1)) - log sigmoid(d)
"""

import functools
import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.fixed import FixedLoss
from fewshot_bench.inner.losses.target_gradient import mean_loss
from fewshot_bench.inner.losses.target_loss import IGNORE, Reduction, target_loss
from fewshot_bench.inner.protocols import TaskView
from fewshot_bench.nn.params import Params


def sparse_lsr(
    logits: Tensor,
    target: Tensor,
    smoothing: float,
    *,
    weight: Tensor | None = None,
    ignore_index: int = IGNORE,
    reduction: Reduction = "mean",
) -> Tensor:
    """Sparse label smoothing of the cross-entropy.

    No smoothed target is ever built: beside the logits' gradient, forward and backward pass take
    memory for a few numbers per instance.

    Args:
        logits: (N, C, ...) or (C,), C >= 2, any finite values.
        target: int64 class indices (N, ...) or ().
        smoothing: xi in [0, 1); 0 is cross-entropy.
        weight: (C,) factors by target class, or None. Unlike torch's label smoothing, where each
            class's share of the target has its own, one factor applies to the whole instance.
        ignore_index: target value of instances that don't count.
        reduction: ``none``, ``mean`` (weighted) or ``sum``, as for torch's cross-entropy.

    Returns:
        Nats in the type of the logits; a scalar, or the shape of the target for ``none``.

    Raises:
        ConfigError: smoothing outside of [0, 1), or shapes that don't fit.
    """
    _check_smoothing(smoothing)
    n_classes = logits.shape[min(logits.ndim - 1, 1)] if logits.ndim else 0
    return target_loss(
        sparse_curve(smoothing, n_classes),
        logits,
        target,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class SparseCurve(NamedTuple):
    """Loss of each instance from the log-odds of its target.

    Attributes:
        others: b, what all classes but the target should get, in [0, 1).
        offset: b log(C - 1).
    """

    others: float
    offset: float

    def value(self, log_odds: Tensor) -> Tensor:
        """Nats of the same shape."""
        # Not softplus(-d): torch's turns into a straight line at 20, which is off by 2e-9.
        return self._of_logarithm(F.logsigmoid(log_odds), log_odds, 1.0)

    def value_and_slope(self, log_odds: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """Nats and p_t - a, both times ``scale``."""
        log_p = F.logsigmoid(log_odds)
        # As b - (1 - p_t), since p_t may have rounded to 1.
        slope = torch.rsub(torch.expm1(log_p), self.others * scale, alpha=-scale)
        return self._of_logarithm(log_p, log_odds, scale), slope

    def _of_logarithm(self, log_p: Tensor, log_odds: Tensor, scale: float) -> Tensor:
        if self.others == 0:  # b * d would be nan where a class has all the probability
            return log_p * -scale
        mixed = torch.sub(log_p, log_odds, alpha=self.others)
        return torch.rsub(mixed, self.offset * scale, alpha=scale)


@functools.cache
def sparse_curve(smoothing: float, n_classes: int) -> SparseCurve:
    """The curve for xi in [0, 1) and C >= 2; with fewer classes the arguments don't fit anyway."""
    b = smoothing * (n_classes - 1) / max(n_classes, 1)
    return SparseCurve(b, b * math.log(max(n_classes - 1, 1)))


class SparseLSR(FixedLoss):
    """Sparse label smoothing of the support labels, mean over the support set.

    Args:
        smoothing: xi in [0, 1).
    """

    def __init__(self, smoothing: float = 0.1) -> None:
        _check_smoothing(smoothing)
        self.smoothing = smoothing

    def __call__(self, phi: Params, view: TaskView) -> Tensor:  # noqa: ARG002
        """Scalar in nats."""
        logits = view.support_logits
        return mean_loss(self.curve(logits.shape[1]), logits, view.support_labels)

    def curve(self, n_classes: int) -> SparseCurve:
        """As a function of the target's log-odds."""
        return sparse_curve(self.smoothing, n_classes)


def _check_smoothing(smoothing: float) -> None:
    if not 0 <= smoothing < 1:
        raise ConfigError(f"smoothing must be in [0, 1), got {smoothing}")
