"""The parts of an inner loop, as pure functions over flat dicts of tensors.

phi are the meta-parameters of a loss, omega those of an optimiser; both are empty dicts where
nothing is learned. No part keeps state from one call to the next.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from fewshot_bench.nn.params import Params


@dataclass(frozen=True, eq=False)
class TaskView:
    """What an inner loss may look at. Query labels are not among it.

    Attributes:
        support_logits: (S, n_way), from the parameters as adapted so far.
        support_labels: int64 (S,).
        adapted: the parameters that the inner loop moves.
        step: number of the inner step, from 0.
        query_logits: (Q, n_way), from the same parameters; None unless the loss is transductive.
        relation: (Q, n_way), the share of each class in each query by the judgement of a part that
            the inner loop does not move; rows sum to 1; None where there is none.
    """

    support_logits: Tensor
    support_labels: Tensor
    adapted: Params
    step: int
    query_logits: Tensor | None = None
    relation: Tensor | None = None


class InnerLoss(Protocol):
    """What adaptation minimises."""

    def init(self, generator: torch.Generator) -> Params:
        """Fresh phi; all names start with ``loss.``."""
        ...

    def __call__(self, phi: Params, view: TaskView) -> Tensor:
        """Scalar, differentiable in phi and in the adapted parameters."""
        ...


def sees_queries(loss: InnerLoss, step: int | None = None) -> bool:
    """Whether a loss wants query logits, ever or in one inner step.

    Losses that do say so by ``transductive = True``, and by ``queries_from`` if not from step 0 on.
    """
    if not getattr(loss, "transductive", False):
        return False
    return step is None or step >= int(getattr(loss, "queries_from", 0))


def fixes_ways(loss: InnerLoss) -> bool:
    """Whether a loss is for one number of classes; such losses say ``fixes_ways = True``."""
    return bool(getattr(loss, "fixes_ways", False))


def needs_draws(part: object) -> bool:
    """Whether an optimiser or transform draws for each task; those that do say ``draws = True``."""
    return bool(getattr(part, "draws", False))


class InnerOptimizer(Protocol):
    """How a gradient becomes a step."""

    def init(self, adapted: Params, generator: torch.Generator) -> Params:
        """Fresh omega for parameters of these shapes; all names start with ``optimizer.``."""
        ...

    def start(self, omega: Params, adapted: Params, generator: torch.Generator | None) -> Params:
        """State before the first step (momenta and the like), {} where there is none.

        Args:
            omega: this optimiser's meta-parameters.
            adapted: the parameters before the first step.
            generator: the task's own, for optimisers that draw something for each task (see
                :func:`needs_draws`); others may be given None.
        """
        ...

    def step(
        self, omega: Params, grads: Params, state: Params, adapted: Params, step: int
    ) -> tuple[Params, Params]:
        """New parameters and new state; differentiable in all tensors, nothing changed in place."""
        ...


class GradientTransform(Protocol):
    """A learned change of the gradient in front of any optimiser (see :mod:`.transform`)."""

    def init(self, adapted: Params, generator: torch.Generator) -> Params:
        """Fresh omega for parameters of these shapes; all names start with ``optimizer.``."""
        ...

    def prepare(self, omega: Params, adapted: Params, generator: torch.Generator | None) -> Params:
        """What stays the same for all steps of one task, {} where there is nothing."""
        ...

    def __call__(self, omega: Params, grads: Params, prepared: Params) -> Params:
        """The transformed gradients, of the same names and shapes."""
        ...
