"""What every wrapper around a method derives from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.methods.base import FewShotMethod, Objective, Traits
from fewshot_bench.methods.trunk import Trunk
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Delegating(FewShotMethod):
    """A method that is another one in all but what a subclass says.

    Attributes:
        method: what is wrapped.
    """

    method: FewShotMethod

    @property
    def traits(self) -> Traits:
        """Of the method."""
        return self.method.traits

    def init(self, generator: torch.Generator) -> Params:
        """Of the method."""
        return self.method.init(generator)

    def episode_loss(self, params: Params, episode: Episode) -> Objective:
        """Of the method."""
        return self.method.episode_loss(params, episode)

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Of the method."""
        return self.method.predict(params, episode)

    def at(self, progress: float) -> FewShotMethod:
        """Around the method as it is then."""
        method = self.method.at(progress)
        return self if method is self.method else replace(self, method=method)

    def frozen(self, name: str) -> bool:
        """Of the method."""
        return self.method.frozen(name)

    def trunk(self) -> Trunk | None:
        """Of the method; what is left of it is wrapped, too."""
        trunk = self.method.trunk()
        return trunk and replace(trunk, rest=replace(self, method=trunk.rest))

    def parts(self) -> Mapping[str, FewShotMethod]:
        """Of the method."""
        return self.method.parts()

    def finish(self, params: Params, images: Iterable[Tensor]) -> Params:
        """Of the method."""
        return self.method.finish(params, images)
