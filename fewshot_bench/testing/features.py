"""Checks of methods that embed each image by itself, and such a method on features alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.methods.base import EmbeddingMethod
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.nn.params import Params
from fewshot_bench.testing.case import GPU_ROUNDING, ROUNDING, Case, Check, differing, kind
from fewshot_bench.testing.episodes import renamed

FEW = 3  # images that are embedded in other company


@dataclass(frozen=True)
class OnFeatures(Delegating):
    """A method whose episodes hold features of its own embedding."""

    method: EmbeddingMethod

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Logits (1, Q, n_way) of a block of one episode, as evaluation asks for, without the 1."""
        rows = (episode.support, episode.support_labels, episode.query)
        support, labels, query = (values.unsqueeze(0) for values in rows)
        logits = self.method.classify(params, support, labels, query, episode.n_way)
        return logits.squeeze(0) if isinstance(logits, Tensor) else logits


def features_fit(case: Case) -> Iterator[str]:
    """A row of numbers for each image."""
    if isinstance(case.method, EmbeddingMethod):
        query = case.episode.query
        yield from embed_fits(embedded(case.method, case.params, query), len(query))


def embed_fits(features: Any, n_images: int) -> Iterator[str]:
    """What ``embed`` returned for so many images has the right shape."""
    if not isinstance(features, Tensor) or features.dim() != 2 or len(features) != n_images:
        yield (
            f"embed must return features of shape (images, D) = ({n_images}, D), it returned"
            f" {kind(features)}"
        )


def features_alone(case: Case) -> Iterator[str]:
    """The features of an image do not depend on the other images of the batch."""
    if not isinstance(case.method, EmbeddingMethod):
        return
    images = torch.cat([case.episode.query, case.episode.support])
    whole = embedded(case.method, case.params, images)
    yield from features_agree(case.method, case.params, images, whole)


def features_agree(
    method: EmbeddingMethod, params: Params, images: Tensor, features: Tensor
) -> Iterator[str]:
    """Features of a few images in other company are those of all images together."""
    few = embedded(method, params, images[:FEW].flip(0)).flip(0)
    share = GPU_ROUNDING if few.is_cuda else ROUNDING.get(few.dtype, max(ROUNDING.values()))
    if ((few - features[:FEW]).abs() > share * features.abs().amax()).any():
        yield "embed must not let an image's features depend on the rest of the batch; they do"


def blocks_agree(case: Case) -> Iterator[str]:
    """Many episodes in one call get what each gets alone."""
    if not isinstance(case.method, EmbeddingMethod):
        return
    one = on_features(case).episode
    other = renamed(one, torch.arange(one.n_way, device=one.support_labels.device).roll(1))
    support, query = (torch.stack([x, x]) for x in (one.support, one.query))
    labels = torch.stack([one.support_labels, other.support_labels])
    with torch.no_grad():
        together = case.method.classify(case.params, support, labels, query, one.n_way)
    for episode, logits in zip((one, other), together, strict=True):
        if differing(logits, on_features(case).predict(episode)).any():
            yield "classify must give each episode of a block what it gives the episode alone"
            return


def shortcut_agrees(case: Case) -> Iterator[str]:
    """What evaluation makes of features is what ``predict`` says."""
    if not isinstance(case.method, EmbeddingMethod):
        return
    if differing(on_features(case).logits, case.logits).any():
        yield "predict must say what classify says of features of embed, which is what is measured"


@torch.no_grad()
def embedded(method: EmbeddingMethod, params: Params, images: Tensor) -> Tensor:
    """(B, D) features."""
    return method.embed(params, images)


def on_features(case: Case) -> Case:
    """The case with features in place of images."""
    assert isinstance(case.method, EmbeddingMethod)
    images = torch.cat([case.episode.support, case.episode.query])
    return with_features(case, embedded(case.method, case.params, images))


def with_features(case: Case, features: Tensor) -> Case:
    """The case on features (S + Q, D) that are known."""
    assert isinstance(case.method, EmbeddingMethod)
    support, query = torch.tensor_split(features, [len(case.episode.support)])
    episode = replace(case.episode, support=support, query=query)
    return Case(case.name, OnFeatures(case.method), case.params, episode)


FEATURES = (
    Check("features of the right shape", features_fit, gates=True),
    Check("features of each image by itself", features_alone),
    Check("episodes in blocks", blocks_agree),
    Check("predict agrees with classify", shortcut_agrees),
)
