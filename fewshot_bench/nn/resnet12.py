"""ResNet-12 as few-shot papers use it (Oreshkin et al. 2018, arXiv 1805.10123; MetaOptNet).

Four residual blocks of three 3x3 convolutions, 1x1 shortcut, leaky ReLU (0.1), 2x2 max-pooling and
global average pooling. No DropBlock: it is a regulariser of long trainings, not of the network.
Warp and FiLM layers take their places in a block where the parameters hold them.
"""

from collections.abc import Sequence
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

LAYERS = 3
SLOPE = 0.1


@dataclass(frozen=True)
class ResidualBlock(PlainStage):
    """Three conv-norm layers with a 1x1 shortcut: (B, in, H, W) to (B, out, H // 2, W // 2).

    Without ``pool`` the height and width stay.
    """

    name: str
    in_channels: int
    out_channels: int
    bn: NormPolicy
    n_steps: int = 1
    pool: bool = True

    def init(self, generator: torch.Generator) -> Params:
        """Kaiming weights for the leaky ReLU's gain; normalisations start as identity."""
        gain = 2 / (1 + SLOPE**2)
        params: Params = {}
        for i in range(LAYERS):
            shape = (self.out_channels, self.out_channels if i else self.in_channels, 3, 3)
            params[f"{self.name}.conv{i + 1}.weight"] = kaiming_normal(shape, generator, gain)
            params |= self._init_norm(f"norm{i + 1}")
        shape = (self.out_channels, self.in_channels, 1, 1)
        params[f"{self.name}.shortcut.weight"] = kaiming_normal(shape, generator, gain)
        return params | self._init_norm("shortcut_norm")

    def roles(self) -> Roles:
        """Three convolutions and the shortcut's, each with a normalisation."""
        roles: Roles = {}
        for layer in (*(f"conv{i + 1}" for i in range(LAYERS)), "shortcut"):
            roles[f"{self.name}.{layer}.weight"] = "convolution"
        for layer in (*(f"norm{i + 1}" for i in range(LAYERS)), "shortcut_norm"):
            roles |= norm_roles(f"{self.name}.{layer}")
        return roles

    def _init_norm(self, layer: str) -> Params:
        return init_norm(f"{self.name}.{layer}", self.out_channels, self.bn, self.n_steps)

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:
        """Apply the block."""
        shortcut = conv2d(x, params[f"{self.name}.shortcut.weight"])
        first = conv2d(x, params[f"{self.name}.conv1.weight"], padding=1)
        return self.behind(params, first, shortcut, mode)

    def behind(self, params: Params, first: Tensor, shortcut: Tensor, mode: NormMode) -> Tensor:
        """What follows the two convolutions of the block's input.

        Args:
            params: holds the block's.
            first: (B, out, H, W), of the first layer.
            shortcut: (B, out, H, W).
            mode: of the normalisations.
        """
        shortcut = warp(params, f"{self.name}.shortcut", shortcut)
        shortcut = norm(params, f"{self.name}.shortcut_norm", shortcut, mode)
        x = self._normalised(params, 1, first, mode)
        for i in range(2, LAYERS + 1):
            x = conv2d(F.leaky_relu(x, SLOPE), params[f"{self.name}.conv{i}.weight"], padding=1)
            x = self._normalised(params, i, x, mode)
        # The same as pooling last, on a quarter of the values: see conv4.
        x = max_pool2d(x + shortcut) if self.pool else x + shortcut
        return F.leaky_relu(film(params, self.name, x), SLOPE)

    def _normalised(self, params: Params, layer: int, x: Tensor, mode: NormMode) -> Tensor:
        x = warp(params, f"{self.name}.conv{layer}", x)
        return norm(params, f"{self.name}.norm{layer}", x, mode)


def resnet12(
    image: ImageShape, *, widths: Sequence[int], bn: NormPolicy = "batch", n_steps: int = 1
) -> Backbone:
    """ResNet-12 with one width per block.

    Args:
        image: shape of the images, at least 16 pixels wide.
        widths: channels of the four blocks.
        bn: see :mod:`fewshot_bench.nn.norm`.
        n_steps: rows of ``per_step`` statistics.
    """
    check_policy(bn)
    if image.size < 2 ** len(widths):
        raise ConfigError(f"resnet12 needs images of at least 16 pixels, not {image.size}")
    channels = (image.channels, *widths)
    stages = tuple(
        ResidualBlock(f"backbone.block{i + 1}", channels[i], channels[i + 1], bn, n_steps)
        for i in range(len(widths))
    )
    return Backbone(stages, feature_dim=widths[-1], pool=True)
