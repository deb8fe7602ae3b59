"""Another optimiser for the head than for the body, as fine-tuning of a trained network needs."""

from dataclasses import dataclass

import torch

from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.inner.protocols import InnerOptimizer
from fewshot_bench.nn.heads import HEAD
from fewshot_bench.nn.params import Params, merge, subset


@dataclass(frozen=True)
class HeadAndBody(InnerOptimizer):
    """Parameters ``head.*`` move by one optimiser, all others by another.

    Attributes:
        head: of the head; learns and draws nothing.
        body: of the rest; learns and draws nothing.
    """

    head: InnerOptimizer
    body: InnerOptimizer

    def start(self, omega: Params, adapted: Params, generator: torch.Generator | None) -> Params:
        """Both states, under ``head/`` and ``body/``."""
        parts = _parts(adapted)
        states = {name: one.start(omega, parts[name], generator) for name, one in self._both()}
        return merge(_under(name, state) for name, state in states.items())

    def step(
        self, omega: Params, grads: Params, state: Params, adapted: Params, step: int
    ) -> tuple[Params, Params]:
        """One step of each."""
        moved, after = [], []
        slopes, values = _parts(grads), _parts(adapted)
        for name, one in self._both():
            own = {k.removeprefix(f"{name}/"): v for k, v in state.items() if k.startswith(name)}
            new, own = one.step(omega, slopes[name], own, values[name], step)
            moved.append(new)
            after.append(_under(name, own))
        return merge(moved), merge(after)

    def _both(self) -> tuple[tuple[str, InnerOptimizer], ...]:
        return ("head", self.head), ("body", self.body)


def head_and_body(
    lr: float = 0.01, head_lr: float | None = None, momentum: float = 0.9
) -> HeadAndBody:
    """Gradient descent with momentum at two rates.

    Args:
        lr: of the body.
        head_lr: of the head; None for that of the body.
        momentum: of both, in [0, 1).
    """
    return HeadAndBody(SGD(lr if head_lr is None else head_lr, momentum), SGD(lr, momentum))


def _parts(params: Params) -> dict[str, Params]:
    head = subset(params, HEAD)
    return {"head": head, "body": {k: v for k, v in params.items() if k not in head}}


def _under(name: str, state: Params) -> Params:
    return {f"{name}/{key}": value for key, value in state.items()}
