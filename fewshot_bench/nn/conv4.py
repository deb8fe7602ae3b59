"""The four-block convolutional network that few-shot papers call Conv-4, 4-CONV or ConvNet-4.

Vinyals et al. 2016 (arXiv 1606.04080). Each block: 3x3 convolution, batch normalisation, ReLU,
2x2 max-pooling. Features are flattened: 5x5 per channel for 84-pixel images, 1x1 for 28.
Warp and FiLM layers take their places in a block where the parameters hold them.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.nn.backbone import Backbone, ImageShape, PlainStage
from fewshot_bench.nn.conv import conv2d, max_pool2d
from fewshot_bench.nn.film import film
from fewshot_bench.nn.norm import NormMode, NormPolicy, check_policy, init_norm, norm, norm_roles
from fewshot_bench.nn.params import Params, Roles, kaiming_normal
from fewshot_bench.nn.warp import warp

BLOCKS = 4


@dataclass(frozen=True)
class ConvBlock(PlainStage):
    """conv3x3 - batch norm - ReLU - max-pool 2: (B, in, H, W) to (B, out, H // 2, W // 2).

    Without ``pool`` the height and width stay.
    """

    name: str
    in_channels: int
    out_channels: int
    bn: NormPolicy
    n_steps: int = 1
    pool: bool = True

    def init(self, generator: torch.Generator) -> Params:
        """Kaiming weights; the bias is the normalisation's."""
        shape = (self.out_channels, self.in_channels, 3, 3)
        return {
            f"{self.name}.conv.weight": kaiming_normal(shape, generator),
            **init_norm(f"{self.name}.norm", self.out_channels, self.bn, self.n_steps),
        }

    def roles(self) -> Roles:
        """A convolution and a normalisation."""
        return {f"{self.name}.conv.weight": "convolution", **norm_roles(f"{self.name}.norm")}

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:
        """Apply the block."""
        x = conv2d(x, params[f"{self.name}.conv.weight"], padding=1)
        x = warp(params, f"{self.name}.conv", x)
        x = norm(params, f"{self.name}.norm", x, mode)
        # The same as pooling last, on a quarter of the values; where a FiLM layer turns a channel
        # round (a scale below -1), it sees the largest value of each square, not the smallest.
        x = max_pool2d(x) if self.pool else x
        return F.relu(film(params, self.name, x))


def conv4(
    image: ImageShape, *, width: int, bn: NormPolicy = "batch", n_steps: int = 1, pool: bool = False
) -> Backbone:
    """Conv-4 with ``width`` channels in every block.

    Args:
        image: shape of the images, at least 16 pixels wide.
        width: channels.
        bn: see :mod:`fewshot_bench.nn.norm`.
        n_steps: rows of ``per_step`` statistics.
        pool: average over the image instead of flattening.
    """
    check_policy(bn)
    side = image.size // 2**BLOCKS
    if side < 1:
        raise ConfigError(f"conv4 needs images of at least 16 pixels, not {image.size}")
    channels = (image.channels, *[width] * BLOCKS)
    stages = tuple(
        ConvBlock(f"backbone.block{i + 1}", channels[i], channels[i + 1], bn, n_steps)
        for i in range(BLOCKS)
    )
    return Backbone(stages, feature_dim=width if pool else width * side * side, pool=pool)
