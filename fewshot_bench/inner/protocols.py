"""The parts of an inner loop, as pure functions over flat dicts of tensors.

phi are the meta-parameters of a loss, omega those of an optimiser; both are empty dicts where
nothing is learned. No part keeps state from one call to the next. What a part needs of the learner
around it is an attribute with a default, so that a part which says nothing needs nothing.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fewshot_bench.nn.norm import NormMode
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
        context: what the learner found out about the task before the first step, the same in all
            steps and of a shape that learner and loss agree on; None where there is nothing.
        mode: how the loss's own normalisation layers behave, if it has any.
    """

    support_logits: Tensor
    support_labels: Tensor
    adapted: Params
    step: int
    query_logits: Tensor | None = None
    context: Tensor | None = None
    mode: NormMode = field(default_factory=lambda: NormMode(training=True))


class InnerLoss(ABC):
    """What adaptation minimises.

    Attributes:
        transductive: whether it looks at query logits.
        queries_from: the first inner step in which it does.
        fixes_ways: whether it is for one number of classes.
        keeps_averages: whether its normalisation keeps running averages.
    """

    @property
    def transductive(self) -> bool:
        """Whether it looks at query logits."""
        return False

    @property
    def queries_from(self) -> int:
        """The first inner step in which a transductive loss looks at query logits."""
        return 0

    @property
    def fixes_ways(self) -> bool:
        """Whether it is for one number of classes."""
        return False

    @property
    def keeps_averages(self) -> bool:
        """Whether its normalisation keeps running averages, which rules out a map over tasks."""
        return False

    def sees_queries(self, step: int) -> bool:
        """Whether it looks at query logits in this inner step."""
        return self.transductive and step >= self.queries_from

    def init(self, generator: torch.Generator) -> Params:  # noqa: ARG002
        """Initial phi, all names starting with ``loss.``; nothing unless a loss says otherwise."""
        return {}

    @abstractmethod
    def __call__(self, phi: Params, view: TaskView) -> Tensor:
        """Scalar, differentiable in phi and in the adapted parameters."""


class _LearnedPart:
    """What optimisers and transforms have in common."""

    @property
    def draws(self) -> bool:
        """Whether it draws random numbers for each task."""
        return False

    def init(self, adapted: Params, generator: torch.Generator) -> Params:  # noqa: ARG002
        """Initial omega for parameters of these shapes, all names starting with ``optimizer.``.

        Nothing unless a part says otherwise.
        """
        return {}


class InnerOptimizer(_LearnedPart, ABC):
    """How a gradient becomes a step."""

    def start(self, omega: Params, adapted: Params, generator: torch.Generator | None) -> Params:  # noqa: ARG002
        """State before the first step (momenta and the like), none unless a part says otherwise.

        Args:
            omega: this optimiser's meta-parameters.
            adapted: the parameters before the first step.
            generator: the task's own, for optimisers that draw; others may be given None.
        """
        return {}

    @abstractmethod
    def step(
        self, omega: Params, grads: Params, state: Params, adapted: Params, step: int
    ) -> tuple[Params, Params]:
        """New parameters and new state; differentiable in all tensors, nothing changed in place."""


class GradientTransform(_LearnedPart, ABC):
    """A learned change of the gradient in front of any optimiser (see :mod:`.transform`)."""

    def prepare(self, omega: Params, adapted: Params, generator: torch.Generator | None) -> Params:  # noqa: ARG002
        """What stays the same for all steps of one task, nothing unless a part says otherwise."""
        return {}

    @abstractmethod
    def __call__(self, omega: Params, grads: Params, prepared: Params) -> Params:
        """The transformed gradients, of the same names and shapes."""
