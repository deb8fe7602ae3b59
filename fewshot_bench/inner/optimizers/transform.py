"""A learned change of the gradient in front of any inner optimiser."""

from dataclasses import dataclass

import torch

from fewshot_bench.inner.protocols import GradientTransform, InnerOptimizer
from fewshot_bench.nn.params import Params, merge


@dataclass(frozen=True)
class Transformed(InnerOptimizer):
    """Steps of ``optimizer`` along transformed gradients.

    Attributes:
        transform: for instance a learned preconditioner.
        optimizer: takes the step; its meta-parameters are learned beside the transform's.
    """

    transform: GradientTransform
    optimizer: InnerOptimizer

    @property
    def draws(self) -> bool:
        """Whether the transform, or one behind it, needs random numbers of the task's own."""
        return self.transform.draws or self.optimizer.draws

    def init(self, adapted: Params, generator: torch.Generator) -> Params:
        """Meta-parameters of both."""
        parts = (self.transform, self.optimizer)
        return merge(part.init(adapted, generator) for part in parts)

    def start(self, omega: Params, adapted: Params, generator: torch.Generator | None) -> Params:
        """What the transform prepared, and the optimiser's state, told apart by a prefix."""
        prepared = self.transform.prepare(omega, adapted, generator)
        own = self.optimizer.start(omega, adapted, generator)
        return _mark("prepared", prepared) | _mark("state", own)

    def step(
        self, omega: Params, grads: Params, state: Params, adapted: Params, step: int
    ) -> tuple[Params, Params]:
        """Transform, then step."""
        prepared = _unmark("prepared", state)
        grads = self.transform(omega, grads, prepared)
        moved, own = self.optimizer.step(omega, grads, _unmark("state", state), adapted, step)
        return moved, _mark("prepared", prepared) | _mark("state", own)


def _mark(prefix: str, tensors: Params) -> Params:
    return {f"{prefix}/{name}": value for name, value in tensors.items()}


def _unmark(prefix: str, tensors: Params) -> Params:
    head = f"{prefix}/"
    return {name.removeprefix(head): v for name, v in tensors.items() if name.startswith(head)}
