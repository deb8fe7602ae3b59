"""Batch normalisation whose second derivative costs a few passes over the data.

Meta-learning differentiates through the backward pass of normalisation. torch composes that second
derivative of some twenty element-wise operations; here it is worked out by hand, which takes a
sixth of the time. With s = 1 / sqrt(var + eps), x^ = s (x - mean) and P(u) = u - mean(u) - x^
mean(u x^), the projection on what normalisation lets through, the backward pass is

    dL/dx = w s P(g)      dL/dw = sum(g x^)      dL/db = sum(g)

and its derivatives along (v, a, b) are linear combinations of g, v and x^ with one coefficient per
channel. They are taken in :meth:`_Backward.backward`.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fewshot_bench.nn.fixed_slopes import slopes_are_fixed
from fewshot_bench.nn.transformed import inside_transform

EPS = 1e-5
PIXELS = (0, 1, 2)  # of activations with their channels last


def batch_norm(x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise by the statistics of the batch.

    Args:
        x: (B, C, H, W).
        weight: (C,) scale.
        bias: (C,) shift.

    Returns:
        The normalised activations, differentiable twice; and the mean (C,) and 1 / sqrt(var + eps)
        (C,) of the batch, without gradient. The variance is the biased one.
    """
    if inside_transform():
        y, mean, scale = _by_parts(x, weight, bias)
    else:
        y, mean, scale = _Forward.apply(x, weight, bias)
    return y, mean.detach(), scale.detach()


def shared_batch_norm(
    x: Tensor, weight: Tensor, bias: Tensor, across: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor, Tensor, int]:
    """Normalise by the statistics of a batch of which several processes hold a part each.

    Args:
        x: (B, C, H, W), this process's part; parts may differ in size.
        weight: (C,) scale.
        bias: (C,) shift.
        across: sums a tensor over the processes, differentiable.

    Returns:
        As :func:`batch_norm`, and the number of pixels of the whole batch.
    """
    kind, x = x.dtype, x.to(weight.dtype)  # sums of 16 bits would be coarse
    pixels = x.numel() // x.shape[1]
    total = across(torch.cat([x.sum(dim=(0, 2, 3)), x.new_tensor([pixels])]))
    count = int(total[-1].item())
    mean = total[:-1] / count
    centred = x - _column(mean)
    var = across(centred.square().sum(dim=(0, 2, 3))) / count
    scale = (var + EPS).rsqrt()
    y = torch.addcmul(_column(bias), centred, _column(weight * scale)).to(kind)
    return y, mean.detach(), scale.detach(), count


def _by_parts(x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For maps over tasks, in which torch's own takes mean and scale as constants.

    Its second derivatives are off by a thousandth there (seen with torch 2.14).
    """
    var, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
    scale = (var + EPS).rsqrt()
    gain = weight * scale
    return torch.addcmul(_column(bias - mean * gain), x, _column(gain)), mean, scale


def _column(x: Tensor) -> Tensor:
    return x.view(-1, 1, 1)


class _Forward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, mean, scale = torch.native_batch_norm(x, weight, bias, None, None, True, 0.0, EPS)
        ctx.save_for_backward(x, weight, mean, scale)
        ctx.mark_non_differentiable(mean, scale)
        ctx.fixed = slopes_are_fixed()
        return y, mean, scale

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        saved = ctx.saved_tensors
        if ctx.fixed:
            saved = [value.detach() for value in saved]
        grads: tuple[Tensor, Tensor, Tensor] = _Backward.apply(grad, *saved)
        return grads


class _Backward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, grad: Tensor, x: Tensor, weight: Tensor, mean: Tensor, scale: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        grad_x, grad_weight, grad_bias = torch.ops.aten.native_batch_norm_backward(
            grad, x, weight, None, None, mean, scale, True, EPS, [True, True, True]
        )
        ctx.save_for_backward(grad, x, weight, mean, scale, grad_weight, grad_bias)
        return grad_x, grad_weight, grad_bias

    @staticmethod
    def backward(
        ctx: Any, v: Tensor, a: Tensor, b: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None, None, None]:
        if not ctx.needs_input_grad[1]:
            return _along_grad(v, a, b, *ctx.saved_tensors[1:5]), None, None, None, None
        g, x, w, mean, s, sum_gx, sum_g = ctx.saved_tensors
        n = x.numel() // x.shape[1]
        g, v, centred = _last(g), _last(v), _last(x) - mean
        mean_g, mean_gx = sum_g / n, sum_gx / n
        mean_v, mean_vx = v.mean(PIXELS), (v * centred).mean(PIXELS) * s
        covariance = (v * g).mean(PIXELS) - mean_v * mean_g - mean_vx * mean_gx
        of_g = a - w * s * mean_vx
        along_g = torch.addcmul(b - w * s * mean_v, centred, s * of_g).addcmul_(v, w * s)
        # Through x^, whose derivative is s P, and through s itself.
        through_mean = w * s * (mean_gx * mean_v + mean_vx * mean_g) - a * mean_g
        through_x = 2 * w * s * mean_vx * mean_gx - a * mean_gx
        of_x = s * s * (through_x - w * s * covariance)
        along_x = torch.addcmul(s * through_mean, centred, of_x).addcmul_(g, s * of_g)
        along_x.addcmul_(v, -w * s * s * mean_gx)
        return _first(along_g), _first(along_x), n * s * covariance, None, None


def _along_grad(
    v: Tensor, a: Tensor, b: Tensor, x: Tensor, weight: Tensor, mean: Tensor, scale: Tensor
) -> Tensor:
    """w s P(v) + a x^ + b: along the gradient alone, in which the backward pass is linear."""
    projected: Tensor = torch.ops.aten.native_batch_norm_backward(
        v, x, weight, None, None, mean, scale, True, EPS, [True, False, False]
    )[0]
    gain = a * scale
    return projected.addcmul_(x, _column(gain)).add_(_column(b - mean * gain))


def _last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def _first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)
