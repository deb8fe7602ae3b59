"""The leading stages of a method that nothing changes: neither its training nor a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fewshot_bench.nn.norm import NormMode

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot_bench.methods.base import FewShotMethod
    from fewshot_bench.nn.backbone import Stage
    from fewshot_bench.nn.params import Params


@dataclass(frozen=True, eq=False)
class Trunk:
    """What a method does with each image by itself and always in the same way: once is enough.

    Attributes:
        stages: the stages, each frozen.
        rest: the method on what leaves them in place of images. It has the parameters of the whole
            method, and the same predictions and gradients but for rounding.
    """

    stages: tuple[Stage, ...]
    rest: FewShotMethod

    @torch.no_grad()
    def __call__(self, params: Params, images: Tensor) -> Tensor:
        """(B, C, H, W) normalised images to activations (B, C', H', W').

        Args:
            params: holds those of the stages; other names are ignored.
            images: of the type of the parameters.
        """
        x, mode = images, NormMode(training=False)
        for stage in self.stages:
            x = stage(params, x, mode)
        return x

    def params_of(self, params: Params) -> Params:
        """Those parameters and buffers that the stages have."""
        mine = [name for stage in self.stages for name in stage.init(torch.Generator())]
        return {name: params[name] for name in mine}
