"""Losses of the target's log-odds whose gradient is made in the forward pass.

A loss f(d) of the log-odds d (see :mod:`.log_odds`) has the gradient f'(d) at the target and
-f'(d) r elsewhere, with r the softmax over the other classes. The forward pass has computed r
already, so it turns that buffer into the gradient at once, and the backward pass hands it out. So
beside the logits there is one (N, C) buffer, the gradient itself; torch's cross-entropy has three.

A gradient that is asked for again, or that is differentiated itself, is computed anew from the
logits by operations that autograd follows, to any order.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from fewshot_bench.inner.losses.log_odds import CLASSES, HALF, split_softmax, target_log_odds
from fewshot_bench.nn.transformed import inside_transform

Reduction = Literal["none", "mean", "sum"]


class Curve(Protocol):
    """A loss as a function of the target's log-odds, element by element."""

    def value(self, log_odds: Tensor) -> Tensor:
        """Losses of the same shape, by operations that autograd follows."""
        ...

    def value_and_slope(self, log_odds: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """Losses and their derivatives in the log-odds, both times a number; without a graph."""
        ...


@runtime_checkable
class CurvedLoss(Protocol):
    """A loss that looks at the target's log-odds alone."""

    def curve(self, n_classes: int) -> Curve:
        """What it is as a function of them."""
        ...


class Reducer(NamedTuple):
    """How the losses of a batch are put together.

    Attributes:
        reduction: ``mean`` is over all instances, whether they count or not.
        factors: of each instance, (N, 1, ...), or None.
        counts: bool (N, 1, ...), which instances count, or None for all. The others may hold
            anything.
    """

    reduction: Reduction
    factors: Tensor | None = None
    counts: Tensor | None = None

    def weigh(self, rows: Tensor) -> Tensor:
        """Numbers of each instance, (N, 1, ...), times its factor, 0 where it does not count."""
        # where, not a product: 0 * inf is nan.
        if self.counts is not None:
            rows = rows.where(self.counts, 0.0)
        return rows if self.factors is None else rows * self.factors

    def scale(self, target: Tensor) -> float:
        """Factor of every instance."""
        return 1 / target.numel() if self.reduction == "mean" and target.numel() else 1.0

    def reduce(self, rows: Tensor) -> Tensor:
        """Losses of all instances, times their scale, to what is returned."""
        losses = self.weigh(rows)
        if self.reduction == "none":
            return losses.squeeze(CLASSES)
        return losses.sum() if self.reduction == "sum" or losses.numel() else losses.mean()


PLAIN: Mapping[Reduction, Reducer] = {
    "none": Reducer("none"),
    "mean": Reducer("mean"),
    "sum": Reducer("sum"),
}


def reduced_loss(curve: Curve, logits: Tensor, target: Tensor, reducer: Reducer) -> Tensor:
    """Loss of a batch, differentiable in the logits to any order.

    Args:
        curve: loss of one instance.
        logits: (N, C, ...) with C >= 2.
        target: int64 (N, ...) in 0 .. C - 1, also where an instance does not count.
        reducer: how the instances are put together.

    Returns:
        A scalar or (N, ...), float32 for half-precision logits.
    """
    # torch.func needs a rule for a map over every function, which the parts have.
    if inside_transform() or not (torch.is_grad_enabled() and logits.requires_grad):
        return _composed(curve, logits, target, reducer)
    loss: Tensor = _TargetGradient.apply(logits, target, curve, reducer)
    return loss


def mean_loss(curve: Curve, logits: Tensor, labels: Tensor) -> Tensor:
    """Mean loss of (N, C) logits with int64 labels (N,), all of which count."""
    return reduced_loss(curve, logits, labels, PLAIN["mean"])


def _composed(curve: Curve, logits: Tensor, target: Tensor, reducer: Reducer) -> Tensor:
    rows = curve.value(target_log_odds(logits, target).unsqueeze(CLASSES))
    return reducer.reduce(rows * reducer.scale(target))


class _TargetGradient(torch.autograd.Function):
    """:func:`_composed`, with the gradient for a derivative of 1 kept in ``ctx.gradient``.

    The gradient is no saved tensor: the first backward pass gives it away, so that it can be
    scaled in place and nobody holds a second reference to it.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, curve: Curve, reducer: Reducer) -> Tensor:
        ctx.save_for_backward(logits, target)
        ctx.rule = curve, reducer
        loss, ctx.gradient = _loss_and_gradient(curve, logits, target, reducer)
        return loss

    @staticmethod
    def backward(ctx: Any, grad_loss: Tensor) -> tuple[Tensor, None, None, None]:
        logits, target = ctx.saved_tensors  # raises where the graph has been freed
        gradient, ctx.gradient = ctx.gradient, None
        if torch.is_grad_enabled():
            curve, reducer = ctx.rule
            loss = _composed(curve, logits, target, reducer)
            [gradient] = torch.autograd.grad(loss, logits, grad_loss, create_graph=True)
            return gradient, None, None, None
        if gradient is None:
            curve, reducer = ctx.rule
            _, gradient = _loss_and_gradient(curve, logits, target, reducer)
        if grad_loss.ndim:
            gradient.mul_(grad_loss.unsqueeze(CLASSES))
        elif not grad_loss.is_cpu or grad_loss.item() != 1:  # no host need wait
            gradient.mul_(grad_loss)
        return gradient, None, None, None


def _loss_and_gradient(
    curve: Curve, logits: Tensor, target: Tensor, reducer: Reducer
) -> tuple[Tensor, Tensor]:
    """The loss, and the gradient of its sum, which takes the only large buffer."""
    index = target.unsqueeze(CLASSES)
    log_odds, shares, scales = split_softmax(logits, index)
    losses, slopes = curve.value_and_slope(log_odds, reducer.scale(target))
    loss, slopes = reducer.reduce(losses), reducer.weigh(slopes)
    if reducer.counts is not None:
        shares.masked_fill_(~reducer.counts, 0.0)
        scales = scales.where(reducer.counts, 1.0)
    gradient = shares.mul_((slopes / scales).neg_())
    at_target = slopes.to(shares.dtype) if shares.dtype in HALF else slopes
    return loss, gradient.scatter_(CLASSES, index, at_target)
