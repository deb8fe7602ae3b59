"""The form of a result on disk: what follows from the rest is left out.

Which images an episode held follows from the class sizes, the protocol and the seed of the list
(see :mod:`fewshot_bench.data.episodes`), so a file needs to keep the predictions only. Reading
draws the episodes again; ``episodes_sha256`` then tells whether they are those that were measured.
Class sizes are written as runs: ``[[20, 1692]]`` for 1,692 classes of 20 images.
"""

import functools
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.disjoint import DisjointSampler
from fewshot_bench.data.episodes import VERSION, EpisodeSampler, Sampler, Task, episode_hashes
from fewshot_bench.data.store import Split
from fewshot_bench.errors import ConfigError, ResultError
from fewshot_bench.files import sha256

Columns = dict[str, NDArray[Any]]
DERIVED = ("episode_index", "episode_hash", "class_ids", "support_ids", "query_ids")
LARGEST_CLASS, MOST_CLASSES = 100_000, 1_000_000  # a file that claims more is not drawn again


def compact(info: dict[str, Any], columns: Columns) -> tuple[dict[str, Any], Columns]:
    """Leave out what :func:`restore` finds again; anything else stays as it is."""
    try:
        drawn = redraw(info, len(columns["pred"]))
    except (
        KeyError,
        TypeError,
        ValueError,
        ResultError,
    ):  # not ours, or drawn in another way: keep all
        return info, columns
    if not all(np.array_equal(drawn[name], columns.get(name, ())) for name in DERIVED):
        return info, columns
    dataset = dict(info["dataset"])
    dataset["pool_runs"] = _runs(dataset.pop("pool_sizes"))
    kept = {name: values for name, values in columns.items() if name not in DERIVED}
    return {**info, "dataset": dataset}, kept


def restore(info: dict[str, Any], columns: Columns) -> tuple[dict[str, Any], Columns]:
    """Undo :func:`compact`; files that leave nothing out come back as they are.

    Raises:
        ResultError: the episodes can't be drawn again, or are not those that were measured.
    """
    dataset = info.get("dataset")
    if not isinstance(dataset, dict) or "pool_runs" not in dataset:
        return info, columns
    try:
        dataset = {**dataset, "pool_sizes": _sizes(dataset["pool_runs"])}
        del dataset["pool_runs"]
        info = {**info, "dataset": dataset}
        columns = {**columns, **redraw(info, len(columns["pred"]))}
        measured = info["protocol"]["episode_list_sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"its episodes can't be drawn again: {error!r}") from error
    if list_sha256(columns["episode_hash"]) != measured:
        raise ResultError(
            "the episodes that follow from its fingerprint, class sizes, protocol and seed are"
            " not those that were measured"
        )
    return info, columns


def list_sha256(hashes: NDArray[np.uint64]) -> str:
    """Identity of a list of episodes: SHA-256 of the concatenated hashes, little-endian."""
    return sha256(hashes.astype("<u8").tobytes())


def redraw(info: dict[str, Any], count: int) -> Columns:
    """The derived columns of the first ``count`` episodes of a result's list. Needs no images.

    Raises:
        ResultError: another sampler drew them, or the protocol is impossible.
        KeyError, TypeError, ValueError: the document does not describe its episodes.
    """
    dataset, protocol = info["dataset"], info["protocol"]
    sampler = protocol["sampler"]
    if (sampler["name"], sampler["version"]) != ("philox", VERSION):
        raise ResultError(f"its episodes come from a sampler that is not known here: {sampler}")
    shape = tuple(int(protocol[name]) for name in ("way", "shot", "query"))
    sizes = tuple(map(int, dataset["pool_sizes"]))
    source = (str(dataset["split"]), str(dataset["fingerprint"]), sizes, shape)
    return dict(_redraw(*source, str(sampler["mode"]), int(sampler["seed"]), count))


@functools.lru_cache(maxsize=16)  # the results of a board share their list
def _redraw(
    split: str,
    fingerprint: str,
    sizes: tuple[int, ...],
    shape: tuple[int, ...],
    mode: str,
    seed: int,
    count: int,
) -> Columns:
    samplers: dict[str, type[Sampler]] = {
        "replacement": EpisodeSampler,
        "disjoint": DisjointSampler,
    }
    make = samplers.get(mode)
    if make is None or max(sizes, default=0) > LARGEST_CLASS or seed < 0:
        raise ResultError(f"its episodes can't be drawn again: sampler {mode!r}, seed {seed}")
    pool = _without_images(split, fingerprint, sizes)
    try:
        ids = make(pool, Task(*shape), seed)(0, count)  # type: ignore[call-arg]
    except ConfigError as error:
        raise ResultError(f"its episodes can't be drawn again: {error}") from error
    hashes = episode_hashes(fingerprint, ids)
    values = (ids.index, hashes, ids.class_ids, ids.support_ids, ids.query_ids)
    for array in values:
        array.flags.writeable = False  # shared between results
    return dict(zip(DERIVED, values, strict=True))


def _without_images(split: str, fingerprint: str, sizes: tuple[int, ...]) -> Split:
    """What samplers need to know of a split."""
    return Split(
        name=split,
        images=np.empty((0, 0, 0, 0), dtype=np.uint8),
        class_names=tuple(map(str, range(len(sizes)))),
        class_sizes=np.array(sizes, dtype=np.int64),
        fingerprint=fingerprint,
        mean=(),
        std=(),
    )


def _runs(sizes: list[int]) -> list[list[int]]:
    return [[size, len(list(same))] for size, same in itertools.groupby(sizes)]


def _sizes(runs: list[list[int]]) -> list[int]:
    if sum(count for _, count in runs) > MOST_CLASSES:
        raise ValueError("too many classes")
    return [size for size, count in runs for _ in range(count)]
