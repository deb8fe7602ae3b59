"""Every dimension scaled to the range 0 to 1."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fewshot_bench.methods.parts import Transform
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class MinMax(Transform):
    """``(x - min) / (max - min)`` in each dimension (PADDLE, Martin et al. 2022, arXiv 2210.14545).

    The released code subtracts a wrong constant after the division; distances are the same.
    A dimension in which all values are equal keeps its scale.

    Attributes:
        over: ``episode``: the range of support and queries. ``support``: of the support alone.
    """

    over: Literal["episode", "support"] = "episode"

    @property
    def uses_queries(self) -> bool:
        """Where the range covers queries."""
        return self.over == "episode"

    def __call__(self, params: Params, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Scaled features."""
        items = torch.cat([support, query], dim=-2) if self.uses_queries else support
        low, high = items.amin(dim=-2, keepdim=True), items.amax(dim=-2, keepdim=True)
        width = torch.where(high > low, high - low, torch.ones_like(low))
        return (support - low) / width, (query - low) / width
