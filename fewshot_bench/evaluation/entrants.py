"""Who takes part in a comparison: results in folders, put together by configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewshot_bench.errors import ResultError
from fewshot_bench.evaluation.identity import configuration, differing
from fewshot_bench.evaluation.result import RESULT, Result, read_result

LONGEST_SURNAME = 40


@dataclass(frozen=True, eq=False)
class Entrant:
    """One method in a comparison.

    Attributes:
        name: how tables call it.
        results: one evaluation per training seed, on the same episodes.
    """

    name: str
    results: tuple[Result, ...]


def load_entrants(*paths: Path) -> list[Entrant]:
    """Read result folders, or folders of results: one entrant for each configuration in each.

    Of several results of one trained model the one with the longest episode list counts, if the
    others are beginnings of it; then all seeds are cut to the list they have in common.

    Raises:
        ResultError: nothing there, or results that do not belong together; says what differs.
    """
    return [entrant for path in paths for entrant in _entrants(path)]


def _entrants(path: Path) -> list[Entrant]:
    folders = [file.parent for file in sorted(path.rglob(RESULT))]
    if not folders:
        raise ResultError(f"{path} holds no {RESULT}; give a folder that fsbench evaluate wrote")
    groups: dict[str, dict[int, list[Result]]] = {}
    for result in map(read_result, folders):
        seeds = groups.setdefault(configuration(result.document), {})
        seeds.setdefault(result.document.checkpoint.training_seed, []).append(result)
    return [_entrant(path, seeds) for seeds in groups.values()]


def _entrant(path: Path, seeds: dict[int, list[Result]]) -> Entrant:
    longest = [_longest(path, seed, same) for seed, same in sorted(seeds.items())]
    return Entrant(longest[0].document.method.id, _common_length(longest))


def _longest(path: Path, seed: int, results: Sequence[Result]) -> Result:
    """The result with most episodes of one seed; raises ResultError for those of other things."""
    longest = max(results, key=lambda r: (len(r.accuracy), r.document.result_id))
    for other in results:
        if differing := _clash(longest, other):
            raise ResultError(
                f"{path} holds two results of training seed {seed} with different {differing};"
                " name one folder each"
            )
    return longest


def _clash(longest: Result, other: Result) -> str:
    """What keeps a result from being a beginning of the longest one; "" if nothing does."""
    if longest.document.checkpoint.sha256 != other.document.checkpoint.sha256:
        return "trained parameters"
    return "" if _begins(longest, other) else "episode lists"


def _begins(longer: Result, shorter: Result) -> bool:
    """Whether one episode list is the beginning of another."""
    hashes = shorter.columns["episode_hash"]
    return np.array_equal(longer.columns["episode_hash"][: len(hashes)], hashes)


def _common_length(results: Sequence[Result]) -> tuple[Result, ...]:
    """Results of different seeds cut to the shortest list, where the others go on from it."""
    shortest = min(results, key=lambda r: len(r.accuracy))
    if not all(_begins(result, shortest) for result in results):
        return tuple(results)  # whoever needs the same episodes says so
    return tuple(result.first(len(shortest.accuracy)) for result in results)


def with_distinct_names(entrants: Sequence[Entrant]) -> list[Entrant]:
    """Give entrants of one method a surname: backbone, other settings that differ, or a number."""
    named = []
    for entrant in entrants:
        twins = [other for other in entrants if other.name == entrant.name]
        surname = _surnames(twins)[twins.index(entrant)]
        named.append(Entrant(f"{entrant.name} {surname}".rstrip(), entrant.results))
    return named


def _surnames(twins: Sequence[Entrant]) -> list[str]:
    if len(twins) == 1:
        return [""]
    documents = [twin.results[0].document for twin in twins]
    backbones = [document.method.config.backbone for document in documents]
    settings = [
        ", ".join(f"{name.removeprefix('config.')}={value}" for name, value in table.items())
        for table in differing(documents)
    ]
    for surnames in (backbones, settings):
        if len(set(surnames)) == len(twins) and max(map(len, surnames)) <= LONGEST_SURNAME:
            return surnames
    return [f"#{number}" for number in range(1, len(twins) + 1)]
