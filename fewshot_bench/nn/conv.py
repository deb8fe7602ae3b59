"""Convolution, in the memory layout that the layers behind it are fastest in."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.nn.transformed import inside_transform


def conv2d(x: Tensor, weight: Tensor, padding: int = 0) -> Tensor:
    """Convolve (B, in, H, W) with (out, in, k, k) to (B, out, H', W').

    On the CPU the result has its channels innermost: pooling is then ten times and normalisation
    four times as fast, and the next convolution keeps the layout. Only images of one channel need
    the copy, because their two layouts can't be told apart.
    """
    y = F.conv2d(x, weight, padding=padding)
    if y.device.type != "cpu" or inside_transform():
        return y
    return y.contiguous(memory_format=torch.channels_last)
