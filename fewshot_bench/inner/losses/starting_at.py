"""A learned loss that goes on being learned where an earlier search or training left it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.inner.protocols import InnerLoss, TaskView
from fewshot_bench.nn.params import Params


@dataclass(frozen=True, eq=False)
class StartingAt(InnerLoss):
    """Another loss with its own initial meta-parameters.

    Attributes:
        loss: its structure.
        phi: where they begin.
    """

    loss: InnerLoss
    phi: Params

    @property
    def transductive(self) -> bool:
        """Of the loss."""
        return self.loss.transductive

    @property
    def queries_from(self) -> int:
        """Of the loss."""
        return self.loss.queries_from

    @property
    def fixes_ways(self) -> bool:
        """Of the loss."""
        return self.loss.fixes_ways

    def init(self, generator: torch.Generator) -> Params:  # noqa: ARG002
        """Copies of ``phi``."""
        return {name: value.clone() for name, value in self.phi.items()}

    def __call__(self, phi: Params, view: TaskView) -> Tensor:
        """Scalar, any sign."""
        return self.loss(phi, view)
