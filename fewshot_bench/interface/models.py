"""Models of one's own as methods: modules, functions, learners, and what identifies them."""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fewshot_bench.data.loader import Episode
from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.base import (
    FewShotMethod,
    Objective,
    Setting,
    Traits,
)
from fewshot_bench.methods.embedding import FeatureMethod
from fewshot_bench.methods.parts import BASE_MEAN, Classifier, Refiner, Transform
from fewshot_bench.nn.params import Params
from fewshot_bench.registry import CLASSIFIERS, REFINERS, TRANSFORMS

BLOCK = 256  # images that a module embeds together


class Untrained:
    """What a method that is measured as it is has no use for."""

    def init(self, generator: torch.Generator) -> Params:  # noqa: ARG002
        """Nothing is learned."""
        return {}

    def episode_loss(self, params: Params, episode: Episode) -> Objective:  # noqa: ARG002
        """There is none."""
        raise ConfigError("this model is measured as it is; it has no training by episodes")


@dataclass(frozen=True, eq=False)
class FixedEmbedding(Untrained, FeatureMethod):
    """Features of a fixed embedding with a classifier on top; nothing is learned.

    Attributes:
        features: (B, ...) images to (B, D) features; None where the data are features already.
        classifier: support features to a classifier.
        transform: changes features before; None leaves them.
        refiner: improves the assignments of all queries together; None for an inductive method.
        base_mean: (D,) mean feature of the training images, for transforms that need one.
    """

    features: Callable[[Tensor], Tensor] | None
    classifier: Classifier
    transform: Transform | None = None
    refiner: Refiner | None = None
    base_mean: Tensor | None = None

    @property
    def traits(self) -> Traits:
        """Follow from the parts."""
        return Traits(self.setting, trains=False, told_counts=self.told_counts)

    def embed(self, params: Params, images: Tensor) -> Tensor:  # noqa: ARG002
        """(B, ...) images to (B, D) features."""
        with torch.no_grad():
            return images.flatten(1) if self.features is None else self.features(images)

    def classify(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """Transform, classify, refine; leading dimensions are those of episodes."""
        params = self._part_params(support.shape[-1]) | params
        return super().classify(params, support, support_labels, query, n_way)

    def _part_params(self, size: int) -> Params:
        """Where learned scales and the like begin."""
        made: Params = {}
        for part in self.parts_on_features:
            made |= part.init(size, torch.Generator().manual_seed(0))
        if BASE_MEAN in made and self.base_mean is not None:
            made[BASE_MEAN] = self.base_mean
        return made


@dataclass(frozen=True, eq=False)
class FunctionMethod(Untrained, FewShotMethod):
    """A function of an episode as a method.

    Attributes:
        function: (:class:`Episode` without query labels) to logits or probabilities (Q, n_way), or
            labels (Q,); torch or numpy.
        setting: whether a query's prediction may depend on the others.
    """

    function: Callable[[Episode], Any]
    setting: Setting = "inductive"

    @property
    def traits(self) -> Traits:
        """As it is declared; the probe checks it."""
        return Traits(setting=self.setting, trains=False)

    def predict(self, params: Params, episode: Episode) -> Tensor:  # noqa: ARG002
        """Query logits (Q, n_way)."""
        return as_logits(self.function(episode), episode)


def as_logits(answer: Any, episode: Episode) -> Tensor:
    """Logits, probabilities (rows that sum to 1) or labels of queries, torch or numpy, as logits.

    Raises:
        ConfigError: of another shape.
    """
    values = torch.as_tensor(answer)
    n_query, n_way = len(episode.query), episode.n_way
    if values.shape == (n_query,) and not values.is_floating_point():
        member = values.unsqueeze(1) == torch.arange(n_way, device=values.device)
        return torch.where(member, 0.0, -torch.inf).clamp(min=-50.0)
    if values.shape != (n_query, n_way):
        raise ConfigError(
            f"a function of an episode gives (queries, classes) = {(n_query, n_way)} logits or"
            f" probabilities, or {n_query} whole labels, not an array of shape"
            f" {tuple(values.shape)} and type {values.dtype}"
        )
    values = values.detach()
    whole = values.new_ones(n_query)
    if bool((values >= 0).all()) and torch.allclose(values.sum(dim=1), whole, atol=1e-4):
        return values.clamp(min=torch.finfo(values.dtype).tiny).log()
    return values


def module_features(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """A module as a function to flat features, in evaluation mode and without gradients."""

    def features(images: Tensor) -> Tensor:
        parts = [module(part) for part in torch.split(images, BLOCK)]
        return torch.cat(parts).flatten(1)

    return features


def parts_of(
    classifier: str, transform: str | None, refiner: str | None
) -> tuple[Classifier, Transform | None, Refiner | None]:
    """Registered parts by their names."""
    return (
        CLASSIFIERS.make(classifier),
        None if transform is None else TRANSFORMS.make(transform),
        None if refiner is None else REFINERS.make(refiner),
    )


def source_sha256(function: Callable[..., Any]) -> str:
    """Identity of a function: its source where it can be read, else its name."""
    target: Any = function if hasattr(function, "__qualname__") else type(function)
    try:
        text = inspect.getsource(target)
    except (OSError, TypeError):
        text = f"{target.__module__}.{target.__qualname__}"
    return hashlib.sha256(text.encode()).hexdigest()
