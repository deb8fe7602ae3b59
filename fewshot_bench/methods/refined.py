"""Queries of an adapted learner that agree with one another: a refiner behind the inner loop.

Ours: no paper has it. Adaptation moves features and head; a refiner then sees the features of all
queries and the logits of the head. Training stays that of the learner.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.base import Traits
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.parts import Refiner
from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.algebra import unit
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Refined(Delegating):
    """A gradient learner whose predictions a refiner improves.

    Attributes:
        method: what is trained and adapts.
        refiner: is given the adapted features at length 1, and the logits of the adapted head.

    Raises:
        ConfigError: the refiner has parameters, which nothing would train.
    """

    method: GradientLearner
    refiner: Refiner

    def __post_init__(self) -> None:
        if self.refiner.init(self.method.embedding.feature_dim, torch.Generator()):
            raise ConfigError("a refiner behind an inner loop must have nothing to learn")

    @property
    def traits(self) -> Traits:
        """Of the learner, but for what a refiner sees."""
        told = self.refiner.told_counts
        return replace(self.method.traits, setting="transductive", told_counts=told)

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Log-assignments (Q, n_way) after ``test_steps`` inner steps."""
        steps = self.method.test_steps
        with torch.no_grad():
            task = self.method.task(params, episode, training=False)
            adapted = task.adapted(steps, 0)
            support, query = (unit(x) for x in task.features(adapted, max(steps - 1, 0)))
            sets = Sets.of(support, episode.support_labels, query, episode.n_way)
            return self.refiner({}, sets, task.query_logits(adapted, steps))
