"""Queries agree with their neighbours.

Ziko, Dolz, Granger, Ben Ayed: Laplacian Regularized Few-Shot Learning, 2020, arXiv 2006.15486.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from fewshot_bench.methods.options import Count, Steps
from fewshot_bench.methods.parts import Refiner
from fewshot_bench.methods.refiners import couplings
from fewshot_bench.methods.refiners.rectify import rectified_means, shifted
from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.algebra import largest
from fewshot_bench.nn.heads import squared_distances
from fewshot_bench.nn.params import Params


def neighbour_graph(items: Tensor, neighbours: int) -> Tensor:
    """(..., n, n), 1 where the column is among the nearest of the row, which is not its own."""
    itself = torch.eye(items.shape[-2], dtype=torch.bool, device=items.device)
    closeness = (-squared_distances(items, items)).masked_fill(itself, -torch.inf)
    return (largest(closeness, neighbours) & ~itself).to(items.dtype)


@dataclass(frozen=True)
class LaplacianShot(Refiner):
    """Logits of the classifier plus what the nearest queries say, until they agree.

    The published classifier is ``nearest-mean`` on the transform ``cl2n``.

    Attributes:
        strength: weight of the neighbours; tune it on validation classes for each embedding.
        neighbours: of each query, itself not counted (the published k counts it).
        steps: rounds of agreement.
        symmetric: make the graph symmetric, without which the objective may rise; the released
            code does not.
        rectify: replace the logits by distances to the means of BD-CSPN, as in the published runs
            with equal classes.
    """

    strength: Annotated[float, Field(ge=0)] = 0.7
    neighbours: Count = 2
    steps: Steps = 20
    symmetric: bool = True
    rectify: bool = False

    def __call__(self, params: Params, sets: Sets, logits: Tensor) -> Tensor:  # noqa: ARG002
        """(..., Q, N)."""
        if self.rectify:
            means = rectified_means(shifted(sets), 10.0)
            logits = -squared_distances(sets.query, means)
        graph = neighbour_graph(sets.query, self.neighbours)
        if self.symmetric:
            graph = (graph + graph.mT) / 2
        return couplings.neighbours(logits, graph, self.strength, self.steps)
