"""A look at a method on a few real episodes, before it is trained and before a number is made.

What contradicts the contract or the declared setting stops with one line. Predictions are looked at
with the parameters that will be measured, because a method may start as an identity that hides what
it does. An error of the method's own passes through, with its traceback.
"""

from collections.abc import Iterator

import torch

from fewshot_bench.data.loader import Episode, EpisodeLoader
from fewshot_bench.errors import ConfigError, TrainingError
from fewshot_bench.methods.base import EmbeddingMethod, FewShotMethod
from fewshot_bench.nn.params import Params
from fewshot_bench.testing.case import Case, Check
from fewshot_bench.testing.episodes import with_queries
from fewshot_bench.testing.features import (
    embed_fits,
    embedded,
    features_agree,
    with_features,
)
from fewshot_bench.testing.learning import INIT, NOTHING_CHANGED, OBJECTIVE, STATISTICS, TRAITS
from fewshot_bench.testing.predictions import (
    AGAIN,
    CLASS_NAMES,
    INDUCTIVE,
    QUERY_ORDER,
    SHAPE,
    TENSORS_STAY,
)

EMBEDDED = 16  # queries of a method that embeds each image of the test split once, which is fast
# What would make later comparisons fail for another reason than they say comes first.
FIRST = (SHAPE, TENSORS_STAY, AGAIN, QUERY_ORDER, INDUCTIVE, CLASS_NAMES)
SECOND = (SHAPE, INDUCTIVE)


def probe(method: FewShotMethod, params: Params, loader: EpisodeLoader, name: str) -> None:
    """Look at the first test episodes, which costs as much as predicting some five of them.

    Of a method that embeds each image by itself, these are a support set and a few queries.

    Args:
        method: what is to be measured.
        params: its trained parameters.
        loader: test episodes.
        name: of the method, for messages.

    Raises:
        ConfigError: what the method must do, and what it did.
    """
    if isinstance(method, EmbeddingMethod):
        [episode] = _episodes(loader, 1)
        episode = with_queries(episode, episode.query[:EMBEDDED])
        _stop(name, _embedding(Case(name, method, params, episode), method))
        return
    for checks, episode in zip((FIRST, SECOND), _episodes(loader, 2), strict=False):
        _stop(name, _found(checks, Case(name, method, params, episode)))


def probe_start(method: FewShotMethod, name: str) -> None:
    """Look at traits and initial parameters; raise ConfigError as :func:`probe` does."""
    nothing = torch.zeros(0)
    episode = Episode(nothing, nothing.long(), nothing, None, n_way=0)
    _stop(name, _found((TRAITS, INIT), Case(name, method, {}, episode)))


def probe_training(method: FewShotMethod, params: Params, loader: EpisodeLoader, name: str) -> None:
    """Look at the objective of the first training episode; raise ConfigError as :func:`probe` does.

    Args:
        method: what is to be trained.
        params: the parameters it begins with.
        loader: training episodes.
        name: of the method, for messages.
    """
    case = Case(name, method, params, loader.load(0, 1).episode(0))
    try:
        _stop(name, _found((OBJECTIVE, STATISTICS, NOTHING_CHANGED), case))
    except TrainingError:  # the training itself will say in which step
        return


def _episodes(loader: EpisodeLoader, wanted: int) -> Iterator[Episode]:
    """The first episodes, or as many as there are, without query labels."""
    total = getattr(loader.sampler, "total", wanted)
    for t in range(min(wanted, total)):
        yield loader.load(t, 1).episode(0, hide_query_labels=True)


def _embedding(case: Case, method: EmbeddingMethod) -> Iterator[str]:
    images = torch.cat([case.episode.support, case.episode.query])
    features = embedded(method, case.params, images)
    yield from embed_fits(features, len(images))
    yield from features_agree(method, case.params, images, features)
    yield from TENSORS_STAY.find(case)
    yield from _found(FIRST, with_features(case, features))


def _found(checks: tuple[Check, ...], case: Case) -> Iterator[str]:
    for check in checks:
        yield from check.find(case)


def _stop(name: str, texts: Iterator[str]) -> None:
    """Raise ConfigError at the first text; the checks after it are not run."""
    for text in texts:
        raise ConfigError(f"method {name}: {text}")
