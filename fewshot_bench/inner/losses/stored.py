"""What every learned loss can do as a file: be stored, read, shown and learned on.

A new kind of learned loss is one file, with the loss and its subclass of :class:`StoredLoss`, and
one entry in :mod:`fewshot_bench.inner.losses.kinds`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from fewshot_bench.inner.losses.per_output import Task
from fewshot_bench.inner.protocols import InnerLoss
from fewshot_bench.nn.params import Params

DIGITS = 3  # of numbers in a formula


class StoredLoss(BaseModel, ABC):
    """A learned loss as checked data. A subclass has a field ``kind`` and its numbers.

    Attributes:
        task: what it was learned for.
        fitness: validation error rate, or mean squared error, of a short training with it.
        provenance: how it was found, as JSON values; for people.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, strict=True)

    schema_version: Literal[1] = Field(1, alias="schema")
    kind: str
    task: Task
    fitness: FiniteFloat | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    @abstractmethod
    def of(cls, loss: InnerLoss, phi: Params, task: Task, facts: Mapping[str, Any]) -> Self | None:
        """Store a loss; None where it is of another kind.

        Args:
            loss: with its numbers frozen, or not.
            phi: the numbers that are not frozen.
            task: what it was learned for.
            facts: fitness and provenance.
        """

    @abstractmethod
    def structure(self) -> InnerLoss:
        """The loss without its numbers, for learning on."""

    @abstractmethod
    def phi(self) -> Params:
        """Its numbers, as the meta-parameters of the structure."""

    @abstractmethod
    def loss(self) -> InnerLoss:
        """The loss with its numbers frozen.

        Raises:
            ConfigError: what is stored is no possible loss.
        """

    @abstractmethod
    def formula(self) -> str:
        """One line: the loss of one output with target y and prediction f."""

    def details(self) -> str | None:
        """More lines for people, where there is more to show."""
        return None


def rounded(numbers: list[float]) -> str:
    """Numbers with three digits."""
    return "[" + ", ".join(f"{x:.{DIGITS}g}" for x in numbers) + "]"
