"""The log-odds of the target class: log p_t - log(1 - p_t) with p = softmax(logits).

A loss that looks at the target's probability alone (cross-entropy, focal loss, SparseLSR) is a
function of this one number per instance. Probabilities can't carry it, since p_t rounds to 0 or
1; the log-odds stay exact at both ends.

With r = softmax over the classes other than t, and L = their logsumexp:

    d = z_t - L        gradient: 1 at t, -r_j elsewhere

Memory: one (N, C) buffer in the forward pass and one, the gradient, in the backward pass.
``torch.nn.functional.cross_entropy`` takes three in all.
"""

import functools
import math
from typing import Any

import torch
from torch import Tensor

CLASSES = 1
HALF = (torch.float16, torch.bfloat16)


def target_log_odds(logits: Tensor, target: Tensor) -> Tensor:
    """Log-odds of each instance's target class; differentiable in the logits to any order.

    Args:
        logits: (N, C, ...) with C >= 2, any finite values; -inf rules a class out, as long as
            the target and one other class remain.
        target: int64 (N, ...) in 0 .. C - 1.

    Returns:
        (N, ...) in nats, in the type of the logits, float32 for half-precision logits.

    Raises:
        RuntimeError: a target is out of bounds (on a GPU: a device assertion).
    """
    log_odds: Tensor = _TargetLogOdds.apply(logits, target.unsqueeze(CLASSES))[0]
    return log_odds.squeeze(CLASSES)


class _TargetLogOdds(torch.autograd.Function):
    """Returns the log-odds d, shares h and scales c with h = c * r (0 at the target).

    h is an output so that autograd knows it as a function of the logits when a gradient is
    differentiated again; keeping the logits for that would cost another buffer. c is a constant
    by definition: whoever uses h divides by c, so only r = h / c has to have the right derivative.
    """

    @staticmethod
    def forward(logits: Tensor, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return split_softmax(logits, index)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, shares, scale = output
        ctx.mark_non_differentiable(scale)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(shares, scale, inputs[1])

    @staticmethod
    def backward(
        ctx: Any, grad_odds: Tensor | None, grad_shares: Tensor | None, _: None
    ) -> tuple[Tensor | None, None]:
        shares, scale, index = ctx.saved_tensors
        grad = None
        if grad_odds is not None:
            grad = shares * (-grad_odds / scale).to(shares.dtype)
            # In place, since a copy is another (N, C) buffer; but torch.func, which always
            # records gradients, can batch only the copy.
            put = grad.scatter if torch.is_grad_enabled() else grad.scatter_
            grad = put(CLASSES, index, grad_odds.to(shares.dtype))
        if grad_shares is not None:
            dot = (shares * grad_shares).sum(CLASSES, keepdim=True) / scale
            through = shares * (grad_shares - dot.to(shares.dtype))
            grad = through if grad is None else grad + through
        return grad, None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, int | None, *tuple[None, ...]], *inputs: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """Rows are independent, so a batch of batches is one longer batch."""
        size = info.batch_size
        logits, index = (
            x.expand(size, *x.shape) if dim is None else x.movedim(dim, 0)
            for x, dim in zip(inputs, in_dims, strict=True)
        )
        flat = _TargetLogOdds.apply(logits.flatten(0, 1), index.flatten(0, 1))
        return tuple(x.unflatten(0, (size, -1)) for x in flat), (0, 0, 0)


def split_softmax(logits: Tensor, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The log-odds of the targets and the softmax over the other classes, without a graph.

    Args:
        logits: (N, C, ...), as for :func:`target_log_odds`.
        index: int64 (N, 1, ...), the targets.

    Returns:
        Log-odds d (N, 1, ...); shares h (N, C, ...) in a buffer of their own; scales c
        (N, 1, ...) with h = c * r, 0 at the target.
    """
    if logits.is_cpu:
        return _by_softmax(logits, index)
    return _by_masking(logits, index)  # asks nothing of the data, so the host need not wait


def _by_softmax(logits: Tensor, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """From softmax over all classes, which reads the logits once.

    Its two parts, p_t and the sum of the others, both keep their full relative precision until
    one of them underflows. Those rare rows are computed again.
    """
    shares = logits.softmax(CLASSES)
    at_target = shares.gather(CLASSES, index)
    # Summed without the target: 1 - p_t would have lost what is wanted here. Zeros as a tensor,
    # since torch scatters a number three times more slowly.
    shares.scatter_(CLASSES, index, torch.zeros_like(at_target))
    rest = shares.sum(CLASSES, keepdim=True)
    if shares.dtype in HALF:
        at_target, rest = at_target.float(), rest.float()
    log_odds = at_target.div_(rest).log_()
    bound = _safe_log_odds(shares.dtype, shares.shape[CLASSES])
    # One number to look at in the usual case; NaN is not safe either.
    if log_odds.numel() and not torch.linalg.vector_norm(log_odds, math.inf).item() < bound:
        _redo(log_odds, shares, rest, logits, index, ~(log_odds.abs() < bound))
    return log_odds, shares, rest


@functools.cache
def _safe_log_odds(dtype: torch.dtype, n_classes: int) -> float:
    """Up to which size log-odds show that both probabilities kept their precision."""
    limits = torch.finfo(dtype)
    return -math.log(n_classes * limits.tiny / limits.eps)


def _redo(
    log_odds: Tensor, shares: Tensor, rest: Tensor, logits: Tensor, index: Tensor, lost: Tensor
) -> None:
    """Compute some rows, bool (N, 1, ...), again by masking, in place."""

    def rows(x: Tensor) -> Tensor:
        return x.movedim(CLASSES, -1)

    where = rows(lost).squeeze(-1)
    redone = _by_masking(rows(logits)[where], rows(index)[where])
    for x, values in zip((log_odds, shares, rest), redone, strict=True):
        rows(x)[where] = values


def _by_masking(logits: Tensor, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """From softmax over the other classes: exact for all logits, at the cost of a copy."""
    others = logits.scatter(CLASSES, index, -torch.inf)
    shares = others.softmax(CLASSES)
    # The largest share is exp(0) over the sum, so its logarithm turns the largest logit into L.
    largest = (_widen(x.amax(CLASSES, keepdim=True)) for x in (others, shares))
    log_odds = _widen(logits.gather(CLASSES, index)) - (next(largest) - next(largest).log())
    return log_odds, shares, torch.ones_like(log_odds)


def _widen(x: Tensor) -> Tensor:
    """Numbers per instance are few: half precision would only lose digits."""
    return x.float() if x.dtype in HALF else x
