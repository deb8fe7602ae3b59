"""The three parts that turn features of an episode into predictions: transform, classify, refine.

Every part is a frozen dataclass and a pure function of its parameters and of the features. It takes
any leading dimensions (one episode, or thousands at once), float32 or float64, and classes of any
size: what belongs to which class is told by labels only. Letters in shapes: S support items,
Q queries, N classes, D features.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.params import Params

BASE_MEAN = "transform.base_mean"


class _Part:
    """What all three have in common."""

    @property
    def maps(self) -> bool:
        """Whether ``torch.func.vmap`` can run it and its gradient; not where values decide."""
        return False


class Transform(_Part, ABC):
    """Features of an episode to features that are easier to classify."""

    @property
    def uses_queries(self) -> bool:
        """Whether a transformed feature depends on queries other than itself (transductive)."""
        return False

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """Parameters ``transform.*`` for D features.

        ``transform.base_mean`` (D,) is a buffer: it begins at zero, and the mean feature of the
        training images takes its place once the embedding is trained.
        """
        return {}

    @abstractmethod
    def __call__(self, params: Params, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        """(..., S, D) and (..., Q, D) to (..., S, D') and (..., Q, D')."""


class Classifier(_Part, ABC):
    """A rule for queries, learned from the support of an episode."""

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """Parameters ``classifier.*`` for D features, learned over episodes; {} for most."""
        return {}

    @abstractmethod
    def __call__(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """Logits of queries, each of which is classified as if it were alone.

        Args:
            params: holds at least what ``init`` gave.
            support: (..., S, D).
            support_labels: int64 (..., S) in 0 .. n_way - 1, each class at least once.
            query: (..., Q, D).
            n_way: number of classes.

        Returns:
            (..., Q, N).
        """

    def regulariser(
        self,
        params: Params,  # noqa: ARG002
        items: Tensor,  # noqa: ARG002
        labels: Tensor,  # noqa: ARG002
        n_way: int,  # noqa: ARG002
    ) -> Tensor | None:
        """What training by episodes adds to the loss of the queries; None for most.

        Args:
            params: holds at least what ``init`` gave.
            items: (M, D) transformed features of support and queries of one episode.
            labels: int64 (M,) of both.
            n_way: number of classes.

        Returns:
            () weighted, or None.
        """
        return None


class Refiner(_Part, ABC):
    """Predictions for all queries of an episode together; transductive by design."""

    @property
    def told_counts(self) -> bool:
        """Whether it fixes in advance how many queries each class has."""
        return False

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """Parameters ``refiner.*`` for D features, learned over episodes; {} for most."""
        return {}

    @abstractmethod
    def __call__(self, params: Params, sets: Sets, logits: Tensor) -> Tensor:
        """Log-assignments of queries to classes.

        Args:
            params: holds at least what ``init`` gave.
            sets: support with its labels, each class at least once, and queries.
            logits: (..., Q, N) of the classifier; most refiners start from class means instead.

        Returns:
            (..., Q, N), the logarithm of shares that sum to 1 over classes.
        """
