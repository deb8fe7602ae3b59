"""The form of a result on disk: what follows from the rest is left out.

Which images an episode held follows from the class sizes, the protocol and the seed of the list
(see :mod:`fewshot_bench.data.samplers.base`), so a file needs to keep the predictions only. Reading
draws the episodes again; ``episodes_sha256`` then tells whether they are those that were measured.
Class sizes are written as runs: ``[[20, 1692]]`` for 1,692 classes of 20 images.
"""

import functools
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.episodes import EpisodeIds, Task
from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers.base import OLD_NAMES, Sampler, make_sampler
from fewshot_bench.data.samplers.stream import VERSION
from fewshot_bench.errors import ConfigError, ResultError
from fewshot_bench.evaluation.columns import Columns, episode_columns
from fewshot_bench.files import sha256
from fewshot_bench.registry import SAMPLERS

# Of rectangular episodes; others have more, see fewshot_bench.evaluation.columns.
DERIVED = ("episode_index", "episode_hash", "class_ids", "support_ids", "query_ids")
LARGEST_CLASS, MOST_CLASSES = 100_000, 1_000_000  # a file that claims more is not drawn again


def compact(info: dict[str, Any], columns: Columns) -> tuple[dict[str, Any], Columns]:
    """Leave out what :func:`restore` finds again; anything else stays as it is."""
    try:
        drawn = redraw(info, len(columns["n_correct"]))
    except (
        KeyError,
        TypeError,
        ValueError,
        ResultError,
    ):  # not ours, or drawn in another way: keep all
        return info, columns
    if not all(np.array_equal(values, columns.get(name, ())) for name, values in drawn.items()):
        return info, columns
    dataset = dict(info["dataset"])
    dataset["pool_runs"] = _runs(dataset.pop("pool_sizes"))
    kept = {name: values for name, values in columns.items() if name not in drawn}
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
        columns = {**columns, **redraw(info, len(columns["n_correct"]))}
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
    shape = tuple(protocol[name] for name in ("way", "shot", "query"))
    task = Task() if None in shape else Task(*map(int, shape))
    sizes = tuple(map(int, dataset["pool_sizes"]))
    source = (str(dataset["split"]), str(dataset["fingerprint"]), sizes, task)
    options = tuple(sorted(dict(sampler.get("options", {})).items()))
    return dict(_redraw(*source, str(sampler["mode"]), int(sampler["seed"]), options, count))


@functools.lru_cache(maxsize=16)  # the results of a board share their list
def _redraw(
    split: str,
    fingerprint: str,
    sizes: tuple[int, ...],
    task: Task,
    mode: str,
    seed: int,
    options: tuple[tuple[str, Any], ...],
    count: int,
) -> Columns:
    known = OLD_NAMES.get(mode, mode) in SAMPLERS
    if not known or max(sizes, default=0) > LARGEST_CLASS or seed < 0:
        raise ResultError(f"its episodes can't be drawn again: sampler {mode!r}, seed {seed}")
    pool = Pool(split, tuple(map(str, range(len(sizes)))), np.array(sizes), fingerprint)
    try:
        sampler = make_sampler(mode, pool, task, seed, dict(options))
        columns = episode_columns(_blocks(sampler, count), sampler)
    except ConfigError as error:
        raise ResultError(f"its episodes can't be drawn again: {error}") from error
    for array in columns.values():
        array.flags.writeable = False  # shared between results
    return columns


def _blocks(sampler: Sampler, count: int) -> list[EpisodeIds]:
    """The first ``count`` episodes in as few blocks as possible."""
    if sampler.one_shape:
        return [sampler(0, count)]
    return [sampler(t, 1) for t in range(count)]


def _runs(sizes: list[int]) -> list[list[int]]:
    return [[size, len(list(same))] for size, same in itertools.groupby(sizes)]


def _sizes(runs: list[list[int]]) -> list[int]:
    if sum(count for _, count in runs) > MOST_CLASSES:
        raise ValueError("too many classes")
    return [size for size, count in runs for _ in range(count)]
