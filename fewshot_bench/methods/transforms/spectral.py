"""Principal axes of an episode: projection onto the first of them, or equal spread along all.

The axes come from the matrix of inner products of items, or from the covariance where there are
more items than features. No gradient should pass: equal eigenvalues make it infinite.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fewshot_bench.methods.options import Count, Rate
from fewshot_bench.methods.parts import Transform
from fewshot_bench.nn.params import Params

Items = Literal["support", "episode"]


def principal_axes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Orthonormal axes of centred items and the sums of squares along them, the largest first.

    Args:
        x: (..., n, D) with mean zero.

    Returns:
        (..., D, r) and (..., r) with r = min(n, D); an axis along which nothing varies is zero.
    """
    wide = x.shape[-2] <= x.shape[-1]
    values, vectors = torch.linalg.eigh(x @ x.mT if wide else x.mT @ x)
    values, vectors = values.flip(-1).clamp(min=0), vectors.flip(-1)
    varies = values > torch.finfo(x.dtype).eps * x.shape[-1] * values[..., :1]
    if wide:
        scale = torch.where(varies, values, torch.ones_like(values)).rsqrt()
        vectors = (x.mT @ vectors) * scale.unsqueeze(-2)
    return vectors * varies.unsqueeze(-2), values * varies


def _items(of: Items, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
    """The items whose axes are taken, centred, in float64; and their mean."""
    items = (torch.cat([support, query], dim=-2) if of == "episode" else support).double()
    mean = items.mean(dim=-2, keepdim=True)
    return items - mean, mean


@dataclass(frozen=True)
class PCA(Transform):
    """Coordinates along the first principal axes; the sign of each is arbitrary.

    Attributes:
        components: how many; at most as many as items or features.
        of: the items whose axes are taken.
    """

    components: Count = 5
    of: Items = "support"

    @property
    def uses_queries(self) -> bool:
        """Where the axes are those of queries, too."""
        return self.of == "episode"

    def __call__(self, params: Params, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """(..., S, components) and (..., Q, components)."""
        items, mean = _items(self.of, support, query)
        axes = principal_axes(items)[0][..., : self.components]
        projected = ((x.double() - mean) @ axes for x in (support, query))
        first, second = (x.to(support.dtype) for x in projected)
        return first, second


@dataclass(frozen=True)
class Whiten(Transform):
    """Equal variance in all directions in which the items vary, none changed by rotation.

    Attributes:
        shrinkage: share of the mean variance that is added to the variance of every direction.
        of: the items whose variances are taken.
    """

    shrinkage: Rate = 0.1
    of: Items = "support"

    @property
    def uses_queries(self) -> bool:
        """Where the variances are those of queries, too."""
        return self.of == "episode"

    def __call__(self, params: Params, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Features of the same shapes, centred."""
        items, mean = _items(self.of, support, query)
        axes, sums = principal_axes(items)
        variance = sums.unsqueeze(-2) / items.shape[-2]
        floor = self.shrinkage * variance.sum(dim=-1, keepdim=True) / items.shape[-1]
        floor = torch.where(floor > 0, floor, torch.ones_like(floor))
        change = (variance + floor).rsqrt() - floor.rsqrt()

        def whiten(x: Tensor) -> Tensor:
            centred = x.double() - mean
            return (centred * floor.rsqrt() + ((centred @ axes) * change) @ axes.mT).to(x.dtype)

        return whiten(support), whiten(query)
