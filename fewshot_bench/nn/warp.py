"""Warp layers: linear layers that shape the gradients of the layers before them.

A task's inner loop leaves them alone; learned outside, they precondition its steps. T-Net (Lee,
Choi 2018, arXiv 1801.05558) has a 1x1 convolution behind every convolution, WarpGrad (Flennerhag
et al. 2019, arXiv 1909.00025) a 3x3 one behind every block. Both start as identity.

Their parameters are named ``warp.<layer>.weight``, outside of what an inner loop may move.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.nn.backbone import StageWrapper
from fewshot_bench.nn.conv import conv2d
from fewshot_bench.nn.film import FilmMode, film, film_roles, identity_film, told_by
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import Params, Roles, merge


def identity_warp(name: str, channels: int, kernel: int) -> Params:
    """``warp.<name>.weight`` of shape (channels, channels, kernel, kernel), a Dirac kernel."""
    weight = torch.empty(channels, channels, kernel, kernel)
    return {f"warp.{name}.weight": torch.nn.init.dirac_(weight)}


def warp(params: Params, name: str, x: Tensor) -> Tensor:
    """Apply the warp of a layer to its output (B, C, H, W); without one, return it as it is."""
    weight = params.get(f"warp.{name}.weight")
    return x if weight is None else conv2d(x, weight, padding=weight.shape[-1] // 2)


@dataclass(frozen=True)
class WarpedConvs(StageWrapper):
    """A stage with a 1x1 warp behind each of its convolutions, which the stage itself applies."""

    def init(self, generator: torch.Generator) -> Params:
        """Parameters of the stage and a warp for each of its convolutions."""
        params = self.stage.init(generator)
        warps = (identity_warp(layer, len(params[f"{layer}.weight"]), 1) for layer in self._layers)
        return merge([params, *warps])

    def roles(self) -> Roles:
        """Of the stage and of the warps."""
        warps: Roles = {f"warp.{layer}.weight": "warp" for layer in self._layers}
        return self.stage.roles() | warps

    @property
    def _layers(self) -> list[str]:
        roles = self.stage.roles()
        return [name.removesuffix(".weight") for name in roles if roles[name] == "convolution"]


@dataclass(frozen=True)
class WarpedBlock(StageWrapper):
    """A stage with one warp behind it.

    Attributes:
        stage: for instance a convolutional block.
        kernel: side of the warp, odd.
        film: modulate what leaves the warp by what enters it; None for a linear layer.
    """

    kernel: int = 3
    film: FilmMode | None = None

    def init(self, generator: torch.Generator) -> Params:
        """Parameters of the stage, the warp, and its FiLM layer if there is one."""
        own = identity_warp(self.name, self.out_channels, self.kernel)
        if self.film is not None:
            own |= identity_film(f"warp.{self.name}", self.out_channels, self.out_channels)
        return merge([self.stage.init(generator), own])

    @property
    def mixes_queries(self) -> bool:
        """One modulation for all images of a batch lets them see each other."""
        return self.film == "task" or self.stage.mixes_queries

    def roles(self) -> Roles:
        """Of the stage, of the warp and of its FiLM layer."""
        own: Roles = {f"warp.{self.name}.weight": "warp"}
        if self.film is not None:  # this layer belongs to the warp: no inner loop moves it
            own |= dict.fromkeys(film_roles(f"warp.{self.name}"), "warp")
        return self.stage.roles() | own

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:
        """Apply the stage, then the warp."""
        x = self.stage(params, x, mode)
        warped = warp(params, self.name, x)
        if self.film is None:
            return warped
        context = {f"warp.{self.name}.context": told_by(x, self.film)}
        return film(params | context, f"warp.{self.name}", warped)
