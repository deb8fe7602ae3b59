"""The form of a result on disk: what follows from the rest is left out.

Which images an episode held follows from the class sizes, the protocol and the seed of the list
(see :mod:`fewshot_bench.data.samplers.base`), so a file needs to keep the predictions only. Reading
draws the episodes again; ``episodes_sha256`` then tells whether they are those that were measured.
Class sizes are written as runs: ``[[20, 1692]]`` for 1,692 classes of 20 images.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.episodes import EpisodeIds, Task
from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers.base import OLD_NAMES, Sampler, make_sampler
from fewshot_bench.data.samplers.stream import VERSION
from fewshot_bench.errors import ConfigError, ResultError
from fewshot_bench.evaluation.arrays import Columns
from fewshot_bench.evaluation.columns import episode_columns
from fewshot_bench.evaluation.document import Document, Facts
from fewshot_bench.files import sha256
from fewshot_bench.registry import SAMPLERS

LARGEST_CLASS = 100_000  # a file that claims more is not drawn again


def compact(document: Document, columns: Columns) -> tuple[dict[str, Any], Columns]:
    """The document and the columns for a file, without what :func:`restore` finds again."""
    table = document.table()
    try:
        drawn = redraw(document, len(columns["n_query"]))
    except ResultError:  # not drawn by a sampler that is known here: keep all
        return table, columns
    if not all(np.array_equal(values, columns[name]) for name, values in drawn.items()):
        return table, columns
    table["dataset"]["pool_runs"] = document.dataset.pool_runs
    del table["dataset"]["pool_sizes"]
    return table, {name: values for name, values in columns.items() if name not in drawn}


def restore(document: Document, columns: Columns) -> Columns:
    """Undo :func:`compact`; columns that leave nothing out come back as they are.

    Raises:
        ResultError: the episodes can't be drawn again, or are not those that were measured.
    """
    if "episode_hash" in columns:
        return columns
    if "n_query" not in columns:
        raise ResultError("column n_query is missing")
    columns = {**columns, **redraw(document, len(columns["n_query"]))}
    if list_sha256(columns["episode_hash"]) != document.protocol.episode_list_sha256:
        raise ResultError(
            "the episodes that follow from its fingerprint, class sizes, protocol and seed are"
            " not those that were measured"
        )
    return columns


def list_sha256(hashes: NDArray[np.uint64]) -> str:
    """Identity of a list of episodes: SHA-256 of the concatenated hashes, little-endian."""
    return sha256(hashes.astype("<u8").tobytes())


def redraw(document: Facts, count: int) -> Columns:
    """The derived columns of the first ``count`` episodes of a result's list. Needs no images.

    Raises:
        ResultError: another sampler drew them, or the protocol is impossible.
    """
    return dict(_redraw(_source(document), count))


def sampler_of(document: Facts) -> Sampler:
    """What drew the episodes of a result, made again from class sizes, protocol and seed.

    Raises:
        ResultError: it is not known here, or the protocol is impossible.
    """
    return _sampler(_source(document))


class _Source(NamedTuple):
    """All that a list of episodes depends on."""

    split: str
    fingerprint: str
    sizes: tuple[int, ...]
    task: Task
    mode: str
    seed: int
    options: tuple[tuple[str, Any], ...]


def _source(document: Facts) -> _Source:
    dataset, protocol = document.dataset, document.protocol
    sampler = protocol.sampler
    if (sampler.name, sampler.version) != ("philox", VERSION):
        raise ResultError(
            f"its episodes come from a sampler that is not known here: {sampler.name}"
            f" {sampler.version}"
        )
    way, shot, query = protocol.way, protocol.shot, protocol.query
    task = Task() if way is None or shot is None or query is None else Task(way, shot, query)
    sizes, options = tuple(dataset.pool_sizes), tuple(sorted(sampler.options.items()))
    data = (dataset.split, dataset.fingerprint, sizes)
    return _Source(*data, task, sampler.drawing, sampler.seed, options)


def _sampler(source: _Source) -> Sampler:
    mode, sizes = source.mode, source.sizes
    known = OLD_NAMES.get(mode, mode) in SAMPLERS
    if not known or max(sizes, default=0) > LARGEST_CLASS or source.seed < 0:
        raise ResultError(
            f"its episodes can't be drawn again: sampler {mode!r}, seed {source.seed}"
        )
    names = tuple(map(str, range(len(sizes))))
    pool = Pool(source.split, names, np.array(sizes), source.fingerprint)
    try:
        return make_sampler(mode, pool, source.task, source.seed, dict(source.options))
    except ConfigError as error:
        raise ResultError(f"its episodes can't be drawn again: {error}") from error


@functools.lru_cache(maxsize=16)  # the results of a board share their list
def _redraw(source: _Source, count: int) -> Columns:
    sampler = _sampler(source)
    try:
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
