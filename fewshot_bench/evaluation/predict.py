"""Predictions of a method on a run of episodes, each image embedded once where that is possible."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from fewshot_bench.data.episodes import EpisodeIds
from fewshot_bench.data.loader import Episode, EpisodeLoader
from fewshot_bench.errors import ConfigError, TrainingError
from fewshot_bench.methods.base import EmbeddingMethod, FewShotMethod
from fewshot_bench.nn.params import Params

BLOCK = 256  # images embedded together


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a method said about B episodes.

    Attributes:
        ids: the episodes.
        pred: uint8 (B, way, query), predicted label of each query.
        n_correct: uint16 (B,).
        nll: float64 (B,), mean negative log-likelihood of the queries in nats.
        brier: float64 (B,), mean of sum_k (p_k - y_k)^2, in [0, 2].
        failed: bool (B,), logits were not finite; such queries count as wrong.
    """

    ids: EpisodeIds
    pred: NDArray[np.uint8]
    n_correct: NDArray[np.uint16]
    nll: NDArray[np.float64]
    brier: NDArray[np.float64]
    failed: NDArray[np.bool_]


def predict(
    method: FewShotMethod, params: Params, loader: EpisodeLoader, start: int, stop: int
) -> Iterator[Predictions]:
    """Predict episodes start, ..., stop - 1, batch by batch.

    The query labels are hidden from the method and used here only.
    """
    if isinstance(method, EmbeddingMethod):
        logits = _embedded_logits(method, params, loader, start, stop)
    else:
        logits = _episode_logits(method, params, loader, start, stop)
    return (_score(ids, values) for ids, values in logits)


def accuracy(
    method: FewShotMethod, params: Params, loader: EpisodeLoader, episodes: int
) -> NDArray[np.float64]:
    """float64 (T,): share of correct queries in each of the first T episodes."""
    parts = [part.n_correct for part in predict(method, params, loader, 0, episodes)]
    task = loader.sampler.task
    return np.concatenate(parts) / (task.n_way * task.n_query)


def _episode_logits(
    method: FewShotMethod, params: Params, loader: EpisodeLoader, start: int, stop: int
) -> Iterator[tuple[EpisodeIds, Tensor]]:
    for batch in loader.batches(start, stop):
        episodes = (batch.episode(i, hide_query_labels=True) for i in range(len(batch)))
        yield batch.ids, torch.stack([_logits(method, params, episode) for episode in episodes])


@torch.no_grad()
def _logits(method: FewShotMethod, params: Params, episode: Episode) -> Tensor:
    try:
        logits = method.predict(params, episode)
    except TrainingError:  # the inner loss diverged: such an episode is recorded, never dropped
        return episode.query.new_full((len(episode.query), episode.n_way), torch.nan)
    if logits.shape != (len(episode.query), episode.n_way):
        raise ConfigError(
            f"predict gave logits of shape {tuple(logits.shape)}, not (queries, classes) ="
            f" {(len(episode.query), episode.n_way)}"
        )
    return logits


def _embedded_logits(
    method: EmbeddingMethod, params: Params, loader: EpisodeLoader, start: int, stop: int
) -> Iterator[tuple[EpisodeIds, Tensor]]:
    task = loader.sampler.task
    bank = _FeatureBank(method, params, loader)
    labels = torch.arange(task.n_way, device=loader.device).repeat_interleave(task.n_shot)
    for first in range(start, stop, BLOCK):
        ids = loader.sampler(first, min(BLOCK, stop - first))
        features = bank.features(ids)
        logits = [
            method.classify(params, features[support], labels, features[query], task.n_way)
            for support, query in zip(_rows(ids.support_ids), _rows(ids.query_ids), strict=True)
        ]
        yield ids, torch.stack(logits)


class _FeatureBank:
    """Features of a split, each image embedded when an episode first needs it.

    Images are embedded in aligned blocks, so a feature is the same to the last bit whichever
    episodes are asked for.
    """

    def __init__(self, method: EmbeddingMethod, params: Params, loader: EpisodeLoader) -> None:
        self._method, self._params, self._loader = method, params, loader
        self._n = len(loader.sampler.split.images)
        self._features: Tensor | None = None
        self._done = np.zeros(-(-self._n // BLOCK), dtype=bool)

    @torch.no_grad()
    def features(self, ids: EpisodeIds) -> Tensor:
        """(n, D); rows of images that no episode has used yet are undefined."""
        needed = np.zeros_like(self._done)
        for images in (ids.support_ids, ids.query_ids):
            needed[images.ravel() // BLOCK] = True
        for block in np.flatnonzero(needed & ~self._done).tolist():
            rows = torch.arange(block * BLOCK, min((block + 1) * BLOCK, self._n))
            values = self._method.embed(self._params, self._loader.gather(rows[None])[0])
            if self._features is None:
                self._features = values.new_empty(self._n, values.shape[1])
            self._features[rows[0] : rows[-1] + 1] = values
        self._done |= needed
        assert self._features is not None, "an episode has images"
        return self._features


def _rows(ids: NDArray[np.int32]) -> Tensor:
    return torch.from_numpy(ids).flatten(1).long()


def _score(ids: EpisodeIds, logits: Tensor) -> Predictions:
    """Compare (B, way * query, way) logits with the labels; queries come class by class."""
    batch, n_way, n_query = ids.query_ids.shape
    scores = logits.detach().to("cpu", torch.float64).view(batch, n_way, n_query, n_way)
    failed = ~scores.isfinite().flatten(1).all(dim=1)
    scores = torch.where(failed.view(-1, 1, 1, 1), torch.zeros(()).double(), scores)
    labels = torch.arange(n_way).view(1, n_way, 1)
    pred = scores.argmax(dim=3)
    # A failed episode is wrong everywhere: the label one further on, which is never the right one.
    pred = torch.where(failed.view(-1, 1, 1), (labels + 1) % n_way, pred)
    log_p = F.log_softmax(scores, dim=3)
    truth = F.one_hot(labels.expand(batch, n_way, n_query), n_way)
    brier = (log_p.exp() - truth).square().sum(dim=3)
    return Predictions(
        ids=ids,
        pred=pred.to(torch.uint8).numpy(),
        n_correct=(pred == labels).sum(dim=(1, 2)).numpy().astype(np.uint16),
        nll=-(log_p * truth).sum(dim=3).mean(dim=(1, 2)).numpy(),
        brier=brier.mean(dim=(1, 2)).numpy(),
        failed=failed.numpy(),
    )
