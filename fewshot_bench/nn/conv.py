"""Convolution, in the memory layout that the layers behind it are fastest in."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.nn.fixed_slopes import convolve, pool, slopes_are_fixed
from fewshot_bench.nn.transformed import inside_transform


def conv2d(x: Tensor, weight: Tensor, padding: int = 0) -> Tensor:
    """Convolve (B, in, H, W) with (out, in, k, k) to (B, out, H', W').

    On the CPU images and result have their channels innermost: pooling is then ten times and
    normalisation four times as fast. Of images only the first convolution makes a copy, and of
    results only that of images of one channel, whose two layouts can't be told apart.
    """
    if x.device.type != "cpu" or inside_transform():
        return F.conv2d(x, weight, padding=padding)
    x = x.contiguous(memory_format=torch.channels_last)
    apply = convolve if slopes_are_fixed() else F.conv2d
    y = apply(x, weight, padding=padding)
    return y.contiguous(memory_format=torch.channels_last)


def max_pool2d(x: Tensor) -> Tensor:
    """Largest value of each square of 2x2 pixels: (B, C, H, W) to (B, C, H // 2, W // 2)."""
    own = slopes_are_fixed() and x.device.type == "cpu" and not inside_transform()
    return pool(x) if own else F.max_pool2d(x, 2)
