"""Checks of the list of episodes: it is the one that everybody is measured on."""

from collections.abc import Iterator

import numpy as np

from fewshot_bench.errors import ResultError
from fewshot_bench.evaluation.arrays import Columns
from fewshot_bench.evaluation.compact import list_sha256, redraw, sampler_of
from fewshot_bench.evaluation.protocol import PREFIXES
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.measured import MIN_EPISODES


def protocol(result: Result) -> Iterator[str]:
    """Test classes, the list with seed 0, and a protocol that is what it is called."""
    dataset, said = result.document.dataset, result.document.protocol
    if dataset.split != "test":
        yield f"it was measured on {dataset.split} classes, not on test classes"
    if said.sampler.seed != 0:
        # Of lists of one's own choice one could try many, and nothing would stand beside the best.
        yield (
            f"its episodes were drawn with seed {said.sampler.seed}, but results are compared"
            " on the list with seed 0"
        )
        return
    try:
        sampler = sampler_of(result.document)
    except ResultError:
        return  # said of the episodes
    if said.id != sampler.protocol_id:
        yield f"its protocol is called {said.id}, but is {sampler.protocol_id}"
    shape = {name: getattr(said, name) for name in sampler.shape}
    if shape != sampler.shape:
        yield f"its shape is given as {shape}, but is {sampler.shape}"


def episodes(result: Result) -> Iterator[str]:
    """They follow from class sizes, protocol and seed, and are enough."""
    columns = result.columns
    drawn = redraw(result.document, len(result.accuracy))
    if (wrong := _not_drawn(drawn, columns)) is not None:
        yield f"{wrong} does not follow from its seed"
        return
    if list_sha256(columns["episode_hash"]) != result.document.protocol.episode_list_sha256:
        yield "its episode list is not the one that its seed and data give"
    if len(result.accuracy) < MIN_EPISODES:
        yield f"{len(result.accuracy)} episodes are too few: at least {MIN_EPISODES}"


def prefixes(result: Result) -> Iterator[str]:
    """The digests of the beginnings of the list are those of its episodes."""
    hashes = result.columns["episode_hash"]
    true = {str(n): list_sha256(hashes[:n]) for n in PREFIXES if n <= len(hashes)}
    said = result.document.protocol.prefix_sha256
    if wrong := sorted(key for key in true.keys() | said.keys() if true.get(key) != said.get(key)):
        yield f"its digest of the first {wrong[0]} episodes is not that of these episodes"


def _not_drawn(drawn: Columns, columns: Columns) -> str | None:
    """The first column, and where it has a row per episode the first episode, that differs."""
    for name, values in drawn.items():
        held = columns.get(name)
        if held is None or held.shape != values.shape:
            return name
        differs = (values != held).reshape(len(values), -1).any(axis=1)
        if differs.any():
            per_episode = len(values) == len(drawn["episode_hash"])
            return f"{name} of episode {np.flatnonzero(differs)[0]}" if per_episode else name
    return None
