"""Labels flow along a graph of support and queries.

Liu et al.: Learning to Propagate Labels, 2018, arXiv 1805.10002 (TPN), whose widths come from a
small network on maps; here one width for all, which can be learned.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from fewshot_bench.methods.options import Count, Rate
from fewshot_bench.methods.parts import Refiner
from fewshot_bench.methods.refiners.loop import log_of
from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.algebra import add_to_diagonal, cosines, largest, solve_spd
from fewshot_bench.nn.heads import squared_distances
from fewshot_bench.nn.params import Params

WIDTH = "refiner.width"


def normalised_graph(weights: Tensor) -> Tensor:
    """``D^-1/2 A D^-1/2`` of symmetric weights (..., n, n); a node without edges stays alone."""
    degree = weights.sum(dim=-1)
    root = torch.where(degree > 0, degree, torch.ones_like(degree)).rsqrt()
    return weights * root.unsqueeze(-1) * root.unsqueeze(-2)


def cubic_graph(items: Tensor, neighbours: int) -> Tensor:
    """``A + A^T`` of the cubes of positive cosines to the nearest items, which are not oneself."""
    itself = torch.eye(items.shape[-2], dtype=torch.bool, device=items.device)
    similarity = cosines(items, items).masked_fill(itself, -torch.inf)
    kept = largest(similarity, neighbours) & ~itself
    weights = torch.where(kept, similarity, torch.zeros_like(similarity)).clamp(min=0) ** 3
    return weights + weights.mT


def gaussian_graph(items: Tensor, width: Tensor | float, neighbours: int) -> Tensor:
    """``exp(-mean of squared differences / (2 width^2))`` where one is among the other's nearest.

    Oneself counts among the nearest.
    """
    mean_square = squared_distances(items, items).clamp(min=0) / items.shape[-1]
    weights = (-mean_square / (2 * width**2)).exp()
    kept = largest(-mean_square, neighbours)
    return weights * (kept | kept.mT)


def propagate(weights: Tensor, y: Tensor, alpha: float) -> Tensor:
    """``(I - alpha G)^-1 Y`` for symmetric weights (..., n, n) and labels (..., n, N)."""
    return solve_spd(add_to_diagonal(-alpha * normalised_graph(weights), 1.0), y)


@dataclass(frozen=True)
class LabelPropagation(Refiner):
    """Shares of what reaches a query from each class; the balance of the support matters.

    Attributes:
        graph: ``cubic``: cubes of cosines. ``gaussian``: as TPN.
        neighbours: edges that each item keeps.
        alpha: how far labels flow, below 1.
        width: of the Gaussian, per dimension.
        learned: whether the width is a parameter, through a softplus.
    """

    graph: Literal["cubic", "gaussian"] = "cubic"
    neighbours: Count = 15
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.8
    width: Rate = 0.25
    learned: bool = False

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """``refiner.width`` () before the softplus, where it is learned."""
        return {WIDTH: torch.tensor(self.width).expm1().log()} if self.learned else {}

    def __call__(self, params: Params, sets: Sets, logits: Tensor) -> Tensor:  # noqa: ARG002
        """(..., Q, N)."""
        y = F.pad(sets.y, (0, 0, 0, sets.n_query))
        reached = propagate(self._weights(params, sets.items), y, self.alpha)
        return log_of(reached[..., -sets.n_query :, :])

    def _weights(self, params: Params, items: Tensor) -> Tensor:
        if self.graph == "cubic":
            return cubic_graph(items, self.neighbours)
        width = F.softplus(params[WIDTH]) if WIDTH in params else self.width
        return gaussian_graph(items, width, self.neighbours)
