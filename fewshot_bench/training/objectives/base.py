"""What an objective of pre-training is: a head, and how a loss of logits becomes its own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

from fewshot_bench.nn.params import Params
from fewshot_bench.registry import OBJECTIVES

Criterion: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class Objective(ABC):
    """What a backbone learns as a classifier of C training classes from features of length D."""

    @abstractmethod
    def init(self, features: int, n_classes: int, generator: torch.Generator) -> Params:
        """Parameters ``head.*`` of a new classifier, float32.

        Args:
            features: D.
            n_classes: C.
            generator: of the random start.
        """

    @abstractmethod
    def logits(self, params: Params, features: Tensor) -> Tensor:
        """What the classifier says of (B, D) features: (B, C)."""

    def views(self, images: Tensor) -> Tensor:
        """The (B, C, H, W) images as the backbone sees them; unchanged unless it says otherwise."""
        return images

    def loss(
        self, params: Params, features: Tensor, labels: Tensor, criterion: Criterion
    ) -> Tensor:
        """What is minimised, a scalar.

        Args:
            params: holds at least what ``init`` gave.
            features: (B, D), of the views of a batch.
            labels: int64 (B,) in 0 .. C - 1.
            criterion: (B, C) logits and labels to a scalar; any loss of this project.
        """
        return criterion(self.logits(params, features), labels)


def make_objective(name: str, options: Mapping[str, Any] | None = None) -> Objective:
    """A registered objective; raises ConfigError for an unknown name or option."""
    objective: Objective = OBJECTIVES.make(name, options)
    return objective
