"""Episodes as the columns of a result, see :mod:`fewshot_bench.evaluation.evaluate`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.episodes import EpisodeIds, episode_hashes
from fewshot_bench.data.samplers.base import Sampler
from fewshot_bench.evaluation.arrays import Columns


def episode_columns(blocks: Sequence[EpisodeIds], sampler: Sampler) -> Columns:
    """What the episodes were; everything here can be drawn again from the sampler."""
    fingerprint = sampler.pool.source_fingerprint
    columns = {
        "episode_index": np.concatenate([ids.index for ids in blocks]),
        "episode_hash": np.concatenate([episode_hashes(fingerprint, ids) for ids in blocks]),
    }
    class_ids, support_ids, query_ids = (
        [ids.class_ids for ids in blocks],
        [ids.support_ids for ids in blocks],
        [ids.query_ids for ids in blocks],
    )
    if sampler.rectangular:
        n_way = sampler.task.n_way
        return {
            **columns,
            "class_ids": np.concatenate(class_ids),
            "support_ids": class_rows(support_ids, n_way),
            "query_ids": class_rows(query_ids, n_way),
        }
    return {
        **columns,
        "class_ids": flat(class_ids),
        "support_ids": flat(support_ids),
        "query_ids": flat(query_ids),
        "support_labels": flat([ids.support_labels for ids in blocks]).astype(np.uint8),
        "query_labels": flat([ids.query_labels for ids in blocks]).astype(np.uint8),
        "n_way": _sizes(blocks, lambda ids: ids.n_way),
        "n_support": _sizes(blocks, lambda ids: ids.support_ids.shape[1]),
    }


def class_rows(blocks: Sequence[NDArray[Any]], n_way: int) -> NDArray[Any]:
    """Join (B, way * k) blocks to (T, way, k): a row for each class of an episode."""
    joined = np.concatenate(blocks)
    return joined.reshape(len(joined), n_way, -1)


def flat(blocks: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Join (B, M) blocks, whose M may differ, to (N,): one episode after another."""
    return np.concatenate([values.ravel() for values in blocks])


def _sizes(blocks: Sequence[EpisodeIds], size: Callable[[EpisodeIds], int]) -> NDArray[np.uint16]:
    """uint16 (T,): a number that all episodes of a block have in common."""
    return np.concatenate([np.full(len(ids), size(ids), dtype=np.uint16) for ids in blocks])
