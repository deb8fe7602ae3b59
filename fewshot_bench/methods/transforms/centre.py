"""Subtracts a mean feature."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fewshot_bench.methods.parts import BASE_MEAN, Transform
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Centre(Transform):
    """Moves the origin.

    Attributes:
        by: whose mean is subtracted. ``base``: that of all training images (SimpleShot, Wang et al.
            2019, arXiv 1911.04623). ``support``: that of the support, from support and queries.
            ``episode``: that of support and queries together. ``each``: the support's mean from the
            support and the queries' from the queries (PT-MAP), which supposes that both hold the
            classes in equal shares.
    """

    by: Literal["base", "support", "episode", "each"] = "base"

    @property
    def uses_queries(self) -> bool:
        """Where the mean of queries is taken."""
        return self.by in ("episode", "each")

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """The buffer of the base mean, zero; nothing for the others."""
        return {BASE_MEAN: torch.zeros(features)} if self.by == "base" else {}

    def __call__(self, params: Params, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        """Features less the mean."""
        if self.by == "base":
            mean = params[BASE_MEAN].to(support.dtype)
        elif self.by == "episode":
            mean = torch.cat([support, query], dim=-2).mean(dim=-2, keepdim=True)
        else:
            mean = support.mean(dim=-2, keepdim=True)
        other = query.mean(dim=-2, keepdim=True) if self.by == "each" else mean
        return support - mean, query - other
