"""Which measured rows can be compared, how they compare, and how they rank."""

import collections
import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.board import Pool, Row
from fewshot_bench.leaderboard.data_words import part_of
from fewshot_bench.leaderboard.datasets import Datasets, dataset_of
from fewshot_bench.leaderboard.measured import pool_id
from fewshot_bench.leaderboard.rows import LEVEL
from fewshot_bench.stats import (
    Differences,
    align_episodes,
    all_differences,
    holm,
    min_detectable_effect,
    rank_sets,
)

Floats = NDArray[np.float64]


def make_pools(
    rows: Mapping[str, Row], results: Mapping[str, Sequence[Result]], datasets: Datasets
) -> tuple[tuple[Pool, ...], dict[str, Row]]:
    """Pools of rows on the same episodes, and the rows with their ranks.

    Rows with too few episodes have pools of their own and no rank, so that they don't shorten the
    list that the others have in common.
    """
    pools: list[Pool] = []
    ranked: dict[str, Row] = {}
    for name, group in sorted(_members(rows, results).items()):
        pool, placed = _make_pool(name, group, results, datasets)
        pools.append(pool)
        ranked |= {row.id: row for row in placed}
    order = sorted(pools, key=lambda p: (p.benchmark, p.way or 0, p.shot or 0, -len(p.rows), p.id))
    return tuple(order), {row_id: ranked[row_id] for row_id in rows}


def _members(
    rows: Mapping[str, Row], results: Mapping[str, Sequence[Result]]
) -> dict[str, list[Row]]:
    """Rows by pool; where one store was split in several ways, each has a pool of its own."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows.values():
        first = results[row.id][0]
        key = pool_id(first), first.document.dataset.class_list_sha256
        groups.setdefault(key, []).append(row)
    splits = collections.Counter(name for name, _ in groups)
    return {
        name if splits[name] == 1 else f"{name}-{classes[:8]}": group
        for (name, classes), group in groups.items()
    }


def _make_pool(
    name: str, rows: Sequence[Row], results: Mapping[str, Sequence[Result]], datasets: Datasets
) -> tuple[Pool, list[Row]]:
    rows = sorted(rows, key=lambda row: (-row.accuracy, row.id))
    every = [result for row in rows for result in results[row.id]]
    hashes = [result.columns["episode_hash"] for result in every]
    n = min(len(hashes[0]), *(align_episodes(hashes[0], other, 1) for other in hashes))
    matrices = [np.stack([r.accuracy[:n] for r in results[row.id]]) for row in rows]
    found = all_differences(matrices, LEVEL) if n > 1 else None
    p_holm = _adjusted(found) if found else np.empty(0)
    pool = Pool(
        id=name,
        episodes=n,
        **_facts(every[0], datasets),
        rows=tuple(row.id for row in rows),
        difference=_rounded(found.mean) if found else (),
        half_width=_rounded(found.half_width) if found else (),
        p_holm=tuple(float(f"{p:.3g}") for p in p_holm),
        closed=tuple(map(bool, found.closed)) if found else (),
    )
    rows = [dataclasses.replace(row, pool=name) for row in rows]
    return pool, _ranked(rows, matrices, found, p_holm) if found else rows


def _facts(result: Result, datasets: Datasets) -> dict[str, Any]:
    """What all results of a pool have in common: episodes and images."""
    protocol, dataset = result.document.protocol, result.document.dataset
    fingerprint, own = dataset.fingerprint, dataset_of(result)
    noted = datasets.get(dataset.id, {}).get(fingerprint, own)
    return {
        "benchmark": dataset.id,
        "way": protocol.way,
        "shot": protocol.shot,
        "query": protocol.query,
        "split": dataset.split,
        "fingerprint": fingerprint,
        "sampler": f"{protocol.sampler.words or 'replacement'}, seed {protocol.sampler.seed}",
        "classes": own.test_classes,
        "images": own.test_images,
        "partial": part_of(fingerprint),
        "resize": noted.resize or own.resize,
        "note": noted.note,
    }


def _adjusted(found: Differences) -> Floats:
    """Holm's p values, separately for pairs about methods and about trained models."""
    p = np.ones(len(found.p))
    for kind in (found.closed, ~found.closed):
        if kind.any():
            p[kind] = holm(found.p[kind])
    return p


def _ranked(
    rows: list[Row], matrices: Sequence[Floats], found: Differences, p_holm: Floats
) -> list[Row]:
    """Rank the rows of each board among each other: alike in setting and in what they learned from.

    Rows with a single seed are ranked only where no row has several: their differences are about
    trained models, not about methods. A row that nothing stands beside has no rank: it would be
    first whatever it reached.
    """
    pairs = {pair: k for k, pair in enumerate(itertools.combinations(range(len(rows)), 2))}
    means = [float(matrix.mean()) for matrix in matrices]
    for kind in {(row.setting, row.apart) for row in rows}:
        group = [i for i, row in enumerate(rows) if (row.setting, row.apart) == kind]
        several = [i for i in group if len(matrices[i]) > 1]
        group = several or group
        if len(group) < 2 or "few_episodes" in rows[group[0]].flags:
            continue
        inside = [pairs[pair] for pair in itertools.combinations(group, 2)]
        sets = rank_sets([means[i] for i in group], p_holm[inside], 1 - LEVEL)
        leader = max(group, key=lambda i: means[i])
        for i, ranks in zip(group, sets, strict=True):
            key = pairs.get((min(i, leader), max(i, leader)))
            mde = None if key is None else _detectable(found, key)
            rows[i] = dataclasses.replace(rows[i], rank=ranks, mde80=mde)
    return rows


def _detectable(found: Differences, pair: int) -> float:
    """The difference, a fraction, that the test of this pair finds with 80 % power."""
    spread = math.sqrt(found.v[pair])
    return round(min_detectable_effect(spread, 1, LEVEL, df=float(found.df[pair])), 6)


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 6) + 0.0 for value in values)
