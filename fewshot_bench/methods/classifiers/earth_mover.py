"""Images compared by what it costs to move the local descriptors of one to those of the other.

Zhang, Cai, Lin, Shen: DeepEMD: Few-Shot Image Classification with Differentiable Earth Mover's
Distance and Structured Classifiers, 2020, arXiv 2003.06777.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.methods.classifiers.maps import in_parts
from fewshot_bench.methods.maps import descriptors, positions_of
from fewshot_bench.methods.options import Count, Rate
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.methods.refiners.couplings import sinkhorn
from fewshot_bench.nn.algebra import unit
from fewshot_bench.nn.heads import prototypes
from fewshot_bench.nn.params import Params
from fewshot_bench.nn.transport import prices, transport


@dataclass(frozen=True)
class EarthMover(Classifier):
    """Mean similarity of matched descriptors, under the flow of mass that makes it largest.

    A descriptor's mass is its similarity to the mean of the other image. More than one shot is the
    class mean position by position; the published classifier then tunes it on the support by SGD.

    Attributes:
        channels: features are maps (channels, height, width) laid flat. None: one position each,
            which is the cosine of centred features.
        scale: factor of the logits.
        solver: ``exact``, or ``sinkhorn`` for speed, whose flow is spread.
        spread: by ``sinkhorn``, in units of cosine; a smaller one takes more rounds.
        rounds: of ``sinkhorn``.
    """

    channels: Count | None = None
    scale: Rate = 12.5
    solver: Literal["exact", "sinkhorn"] = "exact"
    spread: Rate = 0.05
    rounds: Count = 100

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """Nothing; raises ConfigError if D is no multiple of channels."""
        positions_of(features, self.channels)
        return {}

    def __call__(
        self,
        params: Params,  # noqa: ARG002
        support: Tensor,
        support_labels: Tensor,
        query: Tensor,
        n_way: int,
    ) -> Tensor:
        """(..., Q, N); the derivative of the optimum, where it has one."""
        means = prototypes(support.double(), support_labels, n_way)
        classes = descriptors(means, self.channels).unsqueeze(-4)

        def scores(part: Tensor) -> Tensor:
            return self.similarity(descriptors(part, self.channels).unsqueeze(-3), classes)

        size = means.shape[:-1].numel() * classes.shape[-2] ** 2
        return (self.scale * in_parts(scores, query.double(), 8 * size)).to(query.dtype)

    def similarity(self, x: Tensor, y: Tensor) -> Tensor:
        """(..., P, C) and (..., P, C) to (...), in float64."""
        cosine = _centred(x) @ _centred(y).mT
        first, second = _masses(x, y), _masses(y, x)
        if self.solver == "sinkhorn":
            # A fixed number of rounds: no query waits for another.
            shares = sinkhorn(cosine / self.spread, second.mT, first, 0.0, self.rounds)
            total = (first * shares.exp() * cosine).sum(dim=(-2, -1))
        else:
            flat = (numbers.flatten(0, -3) for numbers in (cosine, first, second))
            total = _largest(*flat).reshape(cosine.shape[:-2])
        return total / cosine.shape[-1]


def _centred(x: Tensor) -> Tensor:
    """Descriptors less the mean of their channels, at length 1."""
    return unit(x - x.mean(dim=-1, keepdim=True))


def _masses(x: Tensor, other: Tensor) -> Tensor:
    """(..., P, 1), which sum to P."""
    mass = F.relu(x @ other.mean(dim=-2, keepdim=True).mT) + 1e-3
    return mass / mass.mean(dim=-2, keepdim=True)


def _largest(cosine: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Largest sum (B,) of flow times cosine (B, P, P), by the theorem of the envelope."""
    cost, supply, demand = (1 - cosine).detach(), first[..., 0], second[..., 0]
    flow = transport(cost, supply.detach(), demand.detach())
    u, v = prices(cost, flow)
    moved = u * (supply - supply.detach()) + v * (demand - demand.detach())
    return (flow * cosine).sum(dim=(-2, -1)) - moved.sum(dim=-1)
