"""Feature-wise linear modulation (FiLM; Perez et al. 2017, arXiv 1709.07871) by a context vector.

A stage is modulated in front of its last activation where the parameters hold
``<stage>.context``: one vector that belongs to the task, or one for each image. The learned layer
``film.<stage>`` turns it into a scale and a shift for each channel.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from fewshot_bench.nn.backbone import StageWrapper
from fewshot_bench.nn.heads import init_linear, linear
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import Params, Roles, merge

FilmMode: TypeAlias = Literal["instance", "task"]


def film(params: Params, name: str, x: Tensor) -> Tensor:
    """Modulate (B, C, H, W) activations of the stage ``name``; without a context, return them.

    The scale is 1 plus what the layer says, so that at the start a context of zero changes nothing.
    """
    context = params.get(f"{name}.context")
    if context is None:
        return x
    scale, shift = linear(params, f"film.{name}", context)[..., None, None].chunk(2, dim=-3)
    return (1 + scale) * x + shift


def told_by(x: Tensor, mode: FilmMode) -> Tensor:
    """The context that (B, C, H, W) activations give: their means, (B, C) or for the task (C,)."""
    return x.mean(dim=(2, 3)) if mode == "instance" else x.mean(dim=(0, 2, 3))


def film_roles(name: str) -> Roles:
    """Of the FiLM layer of the stage ``name``."""
    return {f"film.{name}.weight": "film", f"film.{name}.bias": "film"}


@dataclass(frozen=True)
class Modulated(StageWrapper):
    """A stage with a FiLM layer, which the stage itself applies.

    Attributes:
        stage: what is modulated.
        context: length of the context vector.
    """

    context: int

    def init(self, generator: torch.Generator) -> Params:
        """Parameters of the stage and of its FiLM layer."""
        layer = f"film.{self.name}"
        own = init_linear(layer, self.context, 2 * self.out_channels, generator)
        return merge([self.stage.init(generator), own])

    def roles(self) -> Roles:
        """Of the stage and of its FiLM layer."""
        return self.stage.roles() | film_roles(self.name)

    def task_params(self, params: Params) -> Params:
        """A context of zeros, where every task begins."""
        weight = params[f"film.{self.name}.weight"]
        context = {f"{self.name}.context": weight.new_zeros(weight.shape[1])}
        return self.stage.task_params(params) | context


def identity_film(name: str, context: int, channels: int) -> Params:
    """``film.<name>``: a layer that changes nothing yet, whatever the context."""
    weight, bias = torch.zeros(2 * channels, context), torch.zeros(2 * channels)
    return {f"film.{name}.weight": weight, f"film.{name}.bias": bias}


@dataclass(frozen=True)
class Conditioned(StageWrapper):
    """A stage whose FiLM layer is told by what enters the stage; identity at the start.

    Attributes:
        stage: what is modulated.
        in_channels: channels that enter it.
        mode: a modulation for each image, or one for all images of a batch.
    """

    in_channels: int
    mode: FilmMode = "instance"

    def init(self, generator: torch.Generator) -> Params:
        """Parameters of the stage and of its FiLM layer."""
        own = identity_film(self.name, self.in_channels, self.out_channels)
        return merge([self.stage.init(generator), own])

    @property
    def mixes_queries(self) -> bool:
        """One modulation for all images of a batch lets them see each other."""
        return self.mode == "task" or self.stage.mixes_queries

    def roles(self) -> Roles:
        """Of the stage and of its FiLM layer."""
        return self.stage.roles() | film_roles(self.name)

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:
        """Apply the stage."""
        context = {f"{self.name}.context": told_by(x, self.mode)}
        return self.stage(params | context, x, mode)
