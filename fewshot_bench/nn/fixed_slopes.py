"""Passes whose gradients are to be differentiated in the loss alone.

Where a loss is learned through one training step, the gradients of the network, J^T v, depend on
the loss by the gradient v of its outputs alone: the network's own slopes J are the same for all
losses. Autograd would nevertheless work out how they change with activations and weights, for
every convolution and normalisation, and throw it away. Inside of :func:`fixed_slopes` these layers
treat J as constant when their backward pass is differentiated; its values are the same.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_FIXED = ContextVar("fixed slopes", default=False)


@contextlib.contextmanager
def fixed_slopes(fixed: bool = True) -> Iterator[None]:
    """Passes that begin here have constant slopes; with ``fixed`` false nothing changes."""
    token = _FIXED.set(fixed)
    try:
        yield
    finally:
        _FIXED.reset(token)


def slopes_are_fixed() -> bool:
    """Whether this runs inside of :func:`fixed_slopes`."""
    return _FIXED.get()


def convolve(x: Tensor, weight: Tensor, padding: int) -> Tensor:
    """As ``torch.nn.functional.conv2d`` without a bias, with constant slopes."""
    y: Tensor = _Convolution.apply(x, weight, padding)
    return y


def pool(x: Tensor) -> Tensor:
    """As ``torch.nn.functional.max_pool2d`` of 2x2, for activations with their channels last.

    Its slopes are constant anyway; torch's own second derivative would change the layout.
    """
    y: Tensor = _Pooling.apply(x)
    return y


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        return F.conv2d(x, weight, padding=padding)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = (value.detach() for value in ctx.saved_tensors)
        needed = ctx.needs_input_grad[:2]
        grads: tuple[Tensor | None, Tensor | None] = _ConvolutionBackward.apply(
            grad, x, weight, ctx.padding, needed
        )
        return *grads, None


class _ConvolutionBackward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, grad: Tensor, x: Tensor, weight: Tensor, padding: int, needed: tuple[bool, bool]
    ) -> tuple[Tensor | None, Tensor | None]:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        ctx.set_materialize_grads(False)
        one, pad = [1, 1], [padding, padding]
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            grad, x, weight, None, one, pad, one, False, [0, 0], 1, [*needed, False]
        )
        return of_x, of_weight

    @staticmethod
    def backward(
        ctx: Any, along_x: Tensor | None, along_weight: Tensor | None
    ) -> tuple[Tensor | None, None, None, None, None]:
        """Of the gradient of the output alone."""
        x, weight = ctx.saved_tensors
        pairs = ((along_x, weight), (x, along_weight))
        parts = [_conv(a, b, ctx.padding) for a, b in pairs if a is not None and b is not None]
        found = parts[0].add_(parts[1]) if len(parts) == 2 else next(iter(parts), None)
        return found, None, None, None, None


def _conv(x: Tensor, weight: Tensor, padding: int) -> Tensor:
    y = F.conv2d(x, weight, padding=padding)
    return y.contiguous(memory_format=torch.channels_last)  # as the layers behind it want it


class _Pooling(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y: Tensor
        y, chosen = torch.ops.aten.max_pool2d_with_indices(x, [2, 2])
        ctx.save_for_backward(x, chosen)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        x, chosen = ctx.saved_tensors
        found: Tensor = _PoolingBackward.apply(grad, x.detach(), chosen)
        return found


class _PoolingBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grad: Tensor, x: Tensor, chosen: Tensor) -> Tensor:
        ctx.save_for_backward(chosen)
        two = [2, 2]
        found: Tensor = torch.ops.aten.max_pool2d_with_indices_backward(
            grad, x, two, two, [0, 0], [1, 1], False, chosen
        )
        return found

    @staticmethod
    def backward(ctx: Any, along: Tensor) -> tuple[Tensor, None, None]:
        """Of the gradient: what was chosen, without a change of layout."""
        [chosen] = ctx.saved_tensors
        rows = along.permute(0, 2, 3, 1).flatten(1, 2)
        where = chosen.permute(0, 2, 3, 1)
        taken = rows.gather(1, where.flatten(1, 2)).view(where.shape)
        return taken.permute(0, 3, 1, 2), None, None
