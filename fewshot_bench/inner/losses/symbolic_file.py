"""A symbolic loss as a file, and its formula."""

from collections.abc import Mapping
from typing import Any, Literal, Self

import torch
from pydantic import FiniteFloat

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.expression import PREDICTION, Expression
from fewshot_bench.inner.losses.notation import simplified
from fewshot_bench.inner.losses.per_output import Task
from fewshot_bench.inner.losses.stored import StoredLoss, rounded
from fewshot_bench.inner.losses.symbolic import WEIGHTS, SymbolicLoss
from fewshot_bench.inner.protocols import InnerLoss
from fewshot_bench.nn.params import Params


class SymbolicFile(StoredLoss):
    """An expression and one weight for each node but the root, in prefix order."""

    kind: Literal["symbolic"] = "symbolic"
    expression: str
    weights: list[FiniteFloat]

    @classmethod
    def of(cls, loss: InnerLoss, phi: Params, task: Task, facts: Mapping[str, Any]) -> Self | None:
        """See :class:`StoredLoss`."""
        if not isinstance(loss, SymbolicLoss):
            return None
        weights = phi[WEIGHTS].tolist() if loss.weights is None else list(loss.weights)
        return cls(task=task, expression=str(loss.expression), weights=weights, **facts)

    @property
    def tree(self) -> Expression:
        """The expression.

        Raises:
            ConfigError: malformed, or constant in the prediction, so that nothing could learn.
        """
        tree = Expression.parse(self.expression)
        if PREDICTION not in tree.symbols:
            raise ConfigError(f"a loss must look at the prediction, {PREDICTION}")
        return tree

    def structure(self) -> SymbolicLoss:
        """The expression without its weights, for learning on."""
        return SymbolicLoss(self.tree)

    def phi(self) -> Params:
        """The weights by their name."""
        return {WEIGHTS: torch.tensor(self.weights)}

    def loss(self) -> SymbolicLoss:
        """With frozen weights."""
        return SymbolicLoss(self.tree, tuple(self.weights))

    def formula(self) -> str:
        """In ordinary notation where sympy is installed and the tree is small.

        The guards of log and sqrt are left out where the argument is not a number, and numbers
        are rounded to three digits.
        """
        loss = self.loss()
        simple = simplified(loss)
        return simple or f"{loss.expression}, edges weighted by {rounded(self.weights)}"

    def details(self) -> str:
        """The tree as it is stored; for classes also what is left of it for either target."""
        lines = [f"tree: {self.expression}"]
        for y in (1, 0) if self.task == "classification" else ():
            if (formula := simplified(self.loss(), y)) is not None:
                lines.append(f"for y = {y}: {formula}")
        return "\n".join(lines)
