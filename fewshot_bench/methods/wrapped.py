"""What a gradient learner with another meta-objective has in common with the learner."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.methods.base import Setting
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class WrappedLearner:
    """A learner but for its ``episode_loss``, which each wrapper says for itself.

    Attributes:
        learner: what it is at test.
    """

    learner: GradientLearner

    @property
    def setting(self) -> Setting:
        """Of the learner."""
        return self.learner.setting

    @property
    def maps(self) -> bool:
        """Of the learner."""
        return self.learner.maps

    @property
    def light(self) -> bool:
        """Of the learner."""
        return self.learner.light

    @property
    def ways(self) -> int | None:
        """Of the learner."""
        return self.learner.ways

    def init(self, generator: torch.Generator) -> Params:
        """Of the learner."""
        return self.learner.init(generator)

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Of the learner."""
        return self.learner.predict(params, episode)
