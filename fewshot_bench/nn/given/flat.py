"""Features as they are: the backbone of data that were embedded before."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.nn.backbone import Backbone, ImageShape, PlainStage
from fewshot_bench.nn.norm import NormMode, NormPolicy
from fewshot_bench.nn.params import Params, Roles


@dataclass(frozen=True)
class FlatStage(PlainStage):
    """(B, ...) to (B, D): nothing is computed.

    Attributes:
        out_channels: D.
    """

    out_channels: int
    name: str = "backbone.features"

    def init(self, generator: torch.Generator) -> Params:  # noqa: ARG002
        """None."""
        return {}

    def roles(self) -> Roles:
        """None."""
        return {}

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:  # noqa: ARG002
        """The same numbers as (B, D)."""
        return x.flatten(1)


def flat(image: ImageShape, *, bn: NormPolicy, n_steps: int) -> Backbone:  # noqa: ARG001
    """See the module; of features the image is D channels of one pixel."""
    size = image.channels * image.size**2
    return Backbone((FlatStage(size),), feature_dim=size, pool=False)
