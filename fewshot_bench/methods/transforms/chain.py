"""Transforms one after another, and the chains that have a name."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.options import Count, Rate
from fewshot_bench.methods.parts import Transform
from fewshot_bench.methods.transforms.centre import Centre
from fewshot_bench.methods.transforms.covariance import BrownianCovariance
from fewshot_bench.methods.transforms.length import UnitLength
from fewshot_bench.methods.transforms.power import Power
from fewshot_bench.nn.params import Params, merge


@dataclass(frozen=True)
class Chain(Transform):
    """Applies its parts in order.

    A base mean belongs to untransformed features, so only the first part may subtract it.

    Attributes:
        parts: the transforms.
    """

    parts: tuple[Transform, ...]

    @property
    def uses_queries(self) -> bool:
        """Whether any part does."""
        return any(part.uses_queries for part in self.parts)

    def init(self, features: int, generator: torch.Generator) -> Params:
        """The parameters of all parts."""
        return merge(part.init(features, generator) for part in self.parts)

    def __call__(self, params: Params, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        """What the last part gives."""
        for part in self.parts:
            support, query = part(params, support, query)
        return support, query


def cl2n() -> Chain:
    """Less the base mean, then at length 1 (SimpleShot, Wang et al. 2019, arXiv 1911.04623)."""
    return Chain((Centre("base"), UnitLength()))


def deep_bdc(channels: Count | None = None) -> Chain:
    """Brownian distance covariance, then at length 1 (DeepBDC, arXiv 2204.04567)."""
    return Chain((BrownianCovariance(channels), UnitLength()))


def pt_map(beta: Rate = 0.5) -> Chain:
    """Power, length 1, support and queries centred apart, length 1 (arXiv 2006.03806)."""
    return Chain((Power(beta), UnitLength(), Centre("each"), UnitLength()))


def ilpc(beta: Rate = 0.5) -> Chain:
    """Signed power, length 1, support and queries centred together, length 1 (2012.07962)."""
    return Chain((Power(beta, signed=True), UnitLength(), Centre("episode"), UnitLength()))
