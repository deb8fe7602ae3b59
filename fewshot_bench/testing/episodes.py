"""A made-up episode, and changes of episodes that must not change what a method says."""

import dataclasses
from typing import Any

import torch
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.nn.backbone import ImageShape

NOISE = 0.7  # of an image around the pattern of its class, whose values have variance 1


def make_episode(
    image: ImageShape, n_way: int = 5, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Episode:
    """Noisy copies of one random image per class: learnable, not trivial.

    Classes differ in their numbers of support images (2 or 3) and queries (3 or 4), and both come
    in random order, so that nothing follows from a position.

    Args:
        image: shape of the images.
        n_way: number of classes.
        seed: of the random numbers.
        dtype: of the images.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(n: int) -> Tensor:
        size = (n, image.channels, image.size, image.size)
        return torch.randn(size, generator=generator, dtype=dtype)

    def labels(least: int) -> Tensor:
        classes = torch.arange(n_way)
        inorder = classes.repeat_interleave(least + classes % 2)
        return inorder[torch.randperm(len(inorder), generator=generator)]

    patterns, support, query = normal(n_way), labels(2), labels(3)
    return Episode(
        support=patterns[support] + NOISE * normal(len(support)),
        support_labels=support,
        query=patterns[query] + NOISE * normal(len(query)),
        query_labels=query,
        n_way=n_way,
    )


def hidden(episode: Episode) -> Episode:
    """The episode as a method gets it that is to predict."""
    return dataclasses.replace(episode, query_labels=None, number=0)


def with_queries(episode: Episode, query: Tensor) -> Episode:
    """The episode with other queries, or in another order; their labels are gone."""
    return dataclasses.replace(episode, query=query, query_labels=None)


def half_replaced(episode: Episode) -> tuple[Episode, Tensor]:
    """Every second query replaced by a support image; and which queries (bool (Q,)) are kept."""
    kept = torch.arange(len(episode.query), device=episode.query.device) % 2 == 0
    rows = torch.arange(len(episode.query), device=episode.query.device) % len(episode.support)
    column = kept.view(-1, *[1] * (episode.query.dim() - 1))
    return with_queries(episode, torch.where(column, episode.query, episode.support[rows])), kept


def renamed(episode: Episode, order: Tensor) -> Episode:
    """Class c called ``order[c]``."""
    return _changed(episode, support_labels=order[episode.support_labels])


def support_turned(episode: Episode) -> Episode:
    """The support images in the opposite order, each with its label."""
    images, labels = episode.support.flip(0), episode.support_labels.flip(0)
    return _changed(episode, support=images, support_labels=labels)


def _changed(episode: Episode, **changes: Any) -> Episode:
    return dataclasses.replace(episode, query_labels=None, **changes)
