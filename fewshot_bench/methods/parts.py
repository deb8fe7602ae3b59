"""The three small parts that turn features into predictions.

A transform changes features, a classifier gives logits, a refiner improves soft assignments by
looking at all queries together. Each is a pure function over any number of leading dimensions, so
one call handles one episode or a thousand.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from fewshot_bench.nn.params import Params

BASE_MEAN = "transform.base_mean"  # (D,), mean feature of the training images; a buffer


class _Part:
    """What all three have in common."""

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """Learned parameters and buffers for features of this length; none unless a part says so.

        Names start with ``transform.``, ``classifier.`` or ``refiner.``.
        """
        return {}


class Transform(_Part, ABC):
    """Features to features.

    Attributes:
        uses_queries: whether the result for one image depends on the queries of its episode.
    """

    uses_queries: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, params: Params, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        """(..., S, D) and (..., Q, D) to (..., S, D') and (..., Q, D')."""


class Classifier(_Part, ABC):
    """A support set to a classifier, and queries to logits."""

    @abstractmethod
    def __call__(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """(..., S, D), int64 (..., S) and (..., Q, D) to logits (..., Q, n_way).

        Logits are log-probabilities up to a number per query. Each class has at least one image.
        """


class Refiner(_Part, ABC):
    """Soft assignments of all queries of an episode to better ones.

    Attributes:
        told_counts: whether it is told, or takes for granted, how many queries each class has.
    """

    told_counts: ClassVar[bool] = False

    @abstractmethod
    def __call__(
        self,
        params: Params,
        support: Tensor,
        support_labels: Tensor,
        query: Tensor,
        n_way: int,
        logits: Tensor,
    ) -> Tensor:
        """Features as for a classifier and its logits (..., Q, n_way) to log-assignments."""
