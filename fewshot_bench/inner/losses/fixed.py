"""Inner losses with nothing to learn: label smoothing, focal loss, squared error."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.per_output import of_logits
from fewshot_bench.inner.losses.target_gradient import mean_loss
from fewshot_bench.inner.losses.target_loss import IGNORE, Reduction, target_loss
from fewshot_bench.inner.protocols import InnerLoss, TaskView
from fewshot_bench.nn.params import Params


class FixedLoss(InnerLoss):
    """An inner loss without meta-parameters."""


class LabelSmoothing(FixedLoss):
    """Cross-entropy against (1 - xi) one-hot + xi / C (Szegedy et al. 2016, arXiv 1512.00567).

    Args:
        smoothing: xi in [0, 1).
    """

    def __init__(self, smoothing: float = 0.1) -> None:
        if not 0 <= smoothing < 1:
            raise ConfigError(f"smoothing must be in [0, 1), got {smoothing}")
        self.smoothing = smoothing

    def __call__(self, phi: Params, view: TaskView) -> Tensor:  # noqa: ARG002
        """Scalar in nats."""
        return F.cross_entropy(
            view.support_logits, view.support_labels, label_smoothing=self.smoothing
        )


class Focal(FixedLoss):
    """See :func:`focal_loss`; mean over the support set.

    Args:
        gamma: exponent, at least 0.
    """

    def __init__(self, gamma: float = 2.0) -> None:
        _check_gamma(gamma)
        self.gamma = gamma

    def __call__(self, phi: Params, view: TaskView) -> Tensor:  # noqa: ARG002
        """Scalar in nats."""
        logits = view.support_logits
        return mean_loss(self.curve(logits.shape[1]), logits, view.support_labels)

    def curve(self, n_classes: int) -> "FocalCurve":  # noqa: ARG002
        """As a function of the target's log-odds."""
        return FocalCurve(self.gamma)


class SquaredError(FixedLoss):
    """Squared error, of the probabilities in classification: mean over instances and outputs."""

    def __call__(self, phi: Params, view: TaskView) -> Tensor:
        """Scalar in [0, 2 / n_way]."""
        return of_logits(self, phi, view.support_logits, view.support_labels)

    def of_outputs(self, phi: Params, prediction: Tensor, target: Tensor) -> Tensor:  # noqa: ARG002
        """Predictions and targets (N, C) to losses (N,)."""
        return (prediction - target).square().mean(dim=-1)


def focal_loss(
    logits: Tensor,
    target: Tensor,
    gamma: float = 2.0,
    *,
    weight: Tensor | None = None,
    ignore_index: int = IGNORE,
    reduction: Reduction = "mean",
) -> Tensor:
    """-(1 - p_t)^gamma log p_t (Lin et al. 2017, arXiv 1708.02002), softmax over C classes.

    Args:
        logits: (N, C, ...) or (C,), C >= 2.
        target: int64 class indices (N, ...) or ().
        gamma: exponent, at least 0; 0 is cross-entropy.
        weight: (C,) factors by target class (the paper's alpha), or None.
        ignore_index: target value of instances that don't count.
        reduction: ``none``, ``mean`` (weighted) or ``sum``, as for torch's cross-entropy.

    Raises:
        ConfigError: negative gamma, or shapes that don't fit.
    """
    _check_gamma(gamma)
    return target_loss(
        FocalCurve(gamma),
        logits,
        target,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
    )


@dataclass(frozen=True)
class FocalCurve:
    """Focal loss of each instance from the log-odds of its target.

    Attributes:
        gamma: exponent, at least 0.
    """

    gamma: float

    def value(self, log_odds: Tensor) -> Tensor:
        """Nats of the same shape."""
        return -self._discount(log_odds) * F.logsigmoid(log_odds)

    def value_and_slope(self, log_odds: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """Nats and (1 - p_t)^gamma (gamma p_t log p_t - (1 - p_t)), both times ``scale``."""
        log_p, discount = F.logsigmoid(log_odds), scale * self._discount(log_odds)
        pull = self.gamma * log_p.exp() * log_p - torch.sigmoid(-log_odds)
        return -discount * log_p, discount * pull

    def _discount(self, log_odds: Tensor) -> Tensor:
        # (1 - p_t)^gamma by its logarithm: the power would have gradient inf * 0 at p_t = 1.
        return torch.exp(self.gamma * F.logsigmoid(-log_odds))


def _check_gamma(gamma: float) -> None:
    if not gamma >= 0:
        raise ConfigError(f"gamma must be at least 0, got {gamma}")
