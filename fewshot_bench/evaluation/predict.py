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
from fewshot_bench.data.samplers.base import Sampler
from fewshot_bench.errors import ConfigError, TrainingError
from fewshot_bench.evaluation.features import FeatureBank
from fewshot_bench.methods.base import EmbeddingMethod, FewShotMethod
from fewshot_bench.nn.params import Params
from fewshot_bench.world import current

BLOCK = 256  # episodes drawn together
SHARED = 8  # episodes that a process predicts before all meet, where several share the work
GATHERED_BYTES = 8 << 20  # of features that are classified together


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a method said about B episodes of one shape.

    Attributes:
        ids: the episodes.
        pred: uint8 (B, Q), predicted label of each query, in the order of ``ids.query_ids``.
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

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice) -> "Predictions":
        """Some of the episodes."""
        return Predictions(
            ids=self.ids[rows],
            pred=self.pred[rows],
            n_correct=self.n_correct[rows],
            nll=self.nll[rows],
            brier=self.brier[rows],
            failed=self.failed[rows],
        )

    @property
    def n_query(self) -> int:
        """Queries of each episode."""
        return int(self.pred.shape[1])

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """float64 (B,), the share of correct queries."""
        share: NDArray[np.float64] = self.n_correct / self.n_query
        return share


def predict(
    method: FewShotMethod,
    params: Params,
    loader: EpisodeLoader,
    start: int,
    stop: int,
    bank: FeatureBank | None = None,
) -> Iterator[Predictions]:
    """Predict episodes start, ..., stop - 1, batch by batch.

    The query labels are hidden from the method and used here only. Queries reach the method in an
    order drawn for each episode; its predictions are put back before they are scored. Where several
    processes share the work, each predicts every so many-th batch, and all get all of them.
    A ``bank`` holds features of the loader's pool by the same embedding, for a method that has one.
    """
    world, one_shape = current(), loader.sampler.one_shape
    if isinstance(method, EmbeddingMethod):
        blocks = range(start, stop, BLOCK if one_shape else 1)
        bank = bank or FeatureBank(method, params, loader)
        logits = _embedded_logits(method, params, loader.sampler, bank, blocks, world.share)
    else:
        size = loader.batch_size if world.size == 1 else SHARED
        blocks = range(start, stop, size if one_shape else 1)
        logits = _episode_logits(method, params, loader, blocks, world.share)
    parts = (score(ids, _put_back(values, order)) for ids, order, values in logits)
    for _ in range(0, len(blocks), world.size):
        shares = world.gathered(next(parts, None))
        yield from (part for part in shares if part is not None)


def accuracy(
    method: FewShotMethod, params: Params, loader: EpisodeLoader, episodes: int
) -> NDArray[np.float64]:
    """float64 (T,): share of correct queries in each of the first T episodes."""
    parts = predict(method, params, loader, 0, episodes)
    return np.concatenate([part.accuracy for part in parts])


Block = tuple[EpisodeIds, NDArray[np.int64], Tensor]  # episodes, query order, logits in that order


def _episode_logits(
    method: FewShotMethod, params: Params, loader: EpisodeLoader, blocks: range, every: slice
) -> Iterator[Block]:
    for batch in loader.batches(blocks.start, blocks.stop, blocks.step, every=every):
        episodes = (batch.episode(i, hide_query_labels=True) for i in range(len(batch)))
        logits = torch.stack([_logits(method, params, episode) for episode in episodes])
        yield batch.ids, batch.query_order, logits


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
    method: EmbeddingMethod,
    params: Params,
    sampler: Sampler,
    bank: FeatureBank,
    blocks: range,
    every: slice,
) -> Iterator[Block]:
    for first in blocks[every]:
        ids = sampler(first, min(blocks.step, blocks.stop - first))
        order = sampler.query_order(ids)
        query_ids = np.take_along_axis(ids.query_ids, order, axis=1)
        features = bank.features(ids.support_ids, query_ids)
        yield ids, order, _block_logits(method, params, features, ids, query_ids)


def _block_logits(
    method: EmbeddingMethod,
    params: Params,
    features: Tensor,
    ids: EpisodeIds,
    query_ids: NDArray[np.int32],
) -> Tensor:
    """Logits (B, Q, n_way) of a block of episodes from the features (n, D) of all images.

    Queries are those of ``query_ids`` (B, Q), in that order.
    """
    support, labels, query = (
        torch.tensor(values, device=features.device, dtype=torch.long)
        for values in (ids.support_ids, ids.support_labels, query_ids)
    )
    bytes_each = (support.shape[1] + query.shape[1]) * features[0].nbytes
    size = max(1, GATHERED_BYTES // bytes_each)
    parts = zip(*(torch.split(values, size) for values in (support, labels, query)), strict=True)
    return torch.cat(
        [
            _classify(method, params, features[chosen], marks, features[asked], ids.n_way)
            for chosen, marks, asked in parts
        ]
    )


@torch.no_grad()
def _classify(
    method: EmbeddingMethod,
    params: Params,
    support: Tensor,
    labels: Tensor,
    query: Tensor,
    n_way: int,
) -> Tensor:
    """Logits (B, Q, n_way) of features (B, S, D) with labels (B, S) and features (B, Q, D)."""
    logits = method.classify(params, support, labels, query, n_way)
    if logits.shape != (wanted := (*query.shape[:2], n_way)):
        raise ConfigError(
            f"classify gave logits of shape {tuple(logits.shape)}, not (episodes, queries,"
            f" classes) = {wanted}; it must take leading dimensions"
        )
    return logits


def _put_back(logits: Tensor, order: NDArray[np.int64]) -> Tensor:
    """Rows of (B, Q, n_way) logits in the order of the episode's ids."""
    inverse = torch.from_numpy(np.argsort(order, axis=1)).to(logits.device)
    return logits.take_along_dim(inverse[..., None], dim=1)


def score(ids: EpisodeIds, logits: Tensor) -> Predictions:
    """Compare (B, Q, n_way) logits with the labels of the queries."""
    scores = logits.detach().to("cpu", torch.float64)
    labels = torch.tensor(ids.query_labels)
    failed = ~scores.isfinite().flatten(1).all(dim=1)
    scores = torch.where(failed.view(-1, 1, 1), torch.zeros(()).double(), scores)
    pred = scores.argmax(dim=2)
    # A failed episode is wrong everywhere: the label one further on, which is never the right one.
    pred = torch.where(failed.view(-1, 1), (labels + 1) % ids.n_way, pred)
    log_p = F.log_softmax(scores, dim=2)
    truth = F.one_hot(labels, ids.n_way)
    brier = (log_p.exp() - truth).square().sum(dim=2)
    return Predictions(
        ids=ids,
        pred=pred.to(torch.uint8).numpy(),
        n_correct=(pred == labels).sum(dim=1).numpy().astype(np.uint16),
        nll=-(log_p * truth).sum(dim=2).mean(dim=1).numpy(),
        brier=brier.mean(dim=1).numpy(),
        failed=failed.numpy(),
    )
