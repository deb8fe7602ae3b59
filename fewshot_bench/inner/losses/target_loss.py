"""Criteria that depend on the target's log-odds alone, called like torch's cross-entropy."""

import torch
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.log_odds import CLASSES, HALF
from fewshot_bench.inner.losses.target_gradient import (
    PLAIN,
    Curve,
    Reducer,
    Reduction,
    reduced_loss,
)
from fewshot_bench.nn.transformed import inside_transform

__all__ = ["IGNORE", "Reduction", "check_arguments", "reduced", "target_loss"]

IGNORE = -100


def target_loss(
    curve: Curve,
    logits: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    ignore_index: int = IGNORE,
    reduction: Reduction = "mean",
) -> Tensor:
    """Loss of the log-odds of each instance's target, reduced as torch's losses are.

    Args:
        curve: log-odds of the targets to losses, element by element.
        logits: (N, C, ...) or (C,), C >= 2.
        target: int64 class indices (N, ...) or ().
        weight: (C,) factors by target class, or None.
        ignore_index: target value of instances that don't count.
        reduction: ``none`` gives the shape of the target; ``mean`` divides by the sum of the
            weights of the instances that count, nan if there are none.

    Returns:
        In the type of the logits; a scalar, or the shape of the target for ``none``.

    Raises:
        ConfigError: shapes don't fit, fewer than two classes, or an unknown reduction.
    """
    check_arguments(logits, target, weight, reduction)
    counts = _counts(target, ignore_index)
    if counts is None and weight is None and logits.ndim > 1:
        losses = reduced_loss(curve, logits, target, PLAIN[reduction])
    else:
        losses = _weighted_loss(curve, logits, target, weight, counts, reduction)
    return losses.to(logits.dtype) if logits.dtype in HALF else losses


def _weighted_loss(
    curve: Curve,
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    counts: Tensor | None,
    reduction: Reduction,
) -> Tensor:
    """The general case, float32 for half-precision logits."""
    index = target if counts is None else target.where(counts, 0)
    dtype = torch.float32 if logits.dtype in HALF else logits.dtype
    factors = torch.ones_like(index, dtype=dtype) if weight is None else weight.to(dtype)[index]
    if reduction == "mean":
        factors = factors / (factors if counts is None else factors.where(counts, 0.0)).sum()
    if single := logits.ndim == 1:
        logits, index, factors = (x.unsqueeze(0) for x in (logits, index, factors))
        counts = None if counts is None else counts.unsqueeze(0)
    reducer = Reducer(
        "none" if reduction == "none" else "sum",
        factors.unsqueeze(CLASSES),
        None if counts is None else counts.unsqueeze(CLASSES),
    )
    losses = reduced_loss(curve, logits, index, reducer)
    return losses.squeeze(0) if single and reduction == "none" else losses


def _counts(target: Tensor, ignore_index: int) -> Tensor | None:
    """Which instances count; None for all, where asking the data does not make a host wait."""
    if not target.is_cpu or inside_transform():
        return target != ignore_index
    if not target.numel() or (ignore_index < 0 and target.amin().item() >= 0):
        return None  # the usual case, at half the price
    counts = target != ignore_index
    return None if counts.all() else counts


def reduced(
    rows: Tensor, index: Tensor, counts: Tensor, weight: Tensor | None, reduction: Reduction
) -> Tensor:
    """Losses of instances put together as torch's losses do it.

    Args:
        rows: losses (N, ...).
        index: int64 (N, ...), target classes, also where an instance does not count.
        counts: bool (N, ...), which instances count.
        weight: (C,) factors by class, or None.
        reduction: ``none``, ``mean`` or ``sum``.
    """
    factors = counts.to(rows.dtype)
    if weight is not None:
        factors = factors * weight.to(rows.dtype)[index]
    losses = rows.where(counts, 0.0) * factors
    if reduction == "none":
        return losses
    return losses.sum() / factors.sum() if reduction == "mean" else losses.sum()


def check_arguments(logits: Tensor, target: Tensor, weight: Tensor | None, reduction: str) -> None:
    """Raise ConfigError where logits, targets and weights don't fit, or a reduction is unknown."""
    if reduction not in ("none", "mean", "sum"):
        raise ConfigError(f"unknown reduction {reduction!r}; choose none, mean or sum")
    shape = logits.shape
    if not shape:
        raise ConfigError("logits need a dimension of classes, got a scalar")
    expected = shape[:1] + shape[2:] if len(shape) > 1 else shape[:0]
    if target.shape != expected:
        raise ConfigError(
            f"targets of shape {tuple(target.shape)} don't fit logits of shape"
            f" {tuple(shape)}; they should have shape {tuple(expected)}"
        )
    if target.dtype != torch.int64:
        raise ConfigError(f"targets must be int64 class indices, got {target.dtype}")
    n_classes = shape[1] if len(shape) > 1 else shape[0]
    if n_classes < 2:
        raise ConfigError(f"the loss needs at least 2 classes, got {n_classes}")
    if weight is not None and weight.shape != (n_classes,):
        raise ConfigError(f"weight must have shape ({n_classes},), got {tuple(weight.shape)}")
