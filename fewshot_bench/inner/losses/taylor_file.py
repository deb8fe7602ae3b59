"""TaylorGLO's loss as a file."""

from collections.abc import Mapping
from typing import Any, Literal, Self

import torch
from pydantic import Field, FiniteFloat

from fewshot_bench.inner.losses.per_output import Task
from fewshot_bench.inner.losses.stored import StoredLoss, rounded
from fewshot_bench.inner.losses.taylor import COEFFICIENTS, N_COEFFICIENTS, TaylorGLO
from fewshot_bench.inner.protocols import InnerLoss
from fewshot_bench.nn.params import Params


class TaylorFile(StoredLoss):
    """TaylorGLO's coefficients."""

    kind: Literal["taylor"] = "taylor"
    coefficients: list[FiniteFloat] = Field(min_length=N_COEFFICIENTS, max_length=N_COEFFICIENTS)

    @classmethod
    def of(cls, loss: InnerLoss, phi: Params, task: Task, facts: Mapping[str, Any]) -> Self | None:
        """See :class:`StoredLoss`."""
        if not isinstance(loss, TaylorGLO):
            return None
        numbers = loss.coefficients or phi[COEFFICIENTS].tolist()
        return cls(task=task, coefficients=list(numbers), **facts)

    def structure(self) -> TaylorGLO:
        """The polynomial without its coefficients, for learning on."""
        return TaylorGLO()

    def phi(self) -> Params:
        """The coefficients by their name."""
        return {COEFFICIENTS: torch.tensor(self.coefficients)}

    def loss(self) -> TaylorGLO:
        """With these coefficients."""
        return TaylorGLO(self.coefficients)

    def formula(self) -> str:
        """Its coefficients with three digits."""
        return f"TaylorGLO's polynomial with coefficients {rounded(self.coefficients)}"
