"""Results whose predictions were not made by the model that they name, but copied."""

import collections
import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fewshot_bench.evaluation.compact import list_sha256
from fewshot_bench.evaluation.identity import configuration
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.checks.agreement import (
    APART,
    FEW_EPISODES,
    NONE,
    RELATED,
    agreement,
    near,
)
from fewshot_bench.leaderboard.checks.shuffled import shuffled, suspects

SHARE = 0.01  # of episodes whose losses are equal, bit by bit, in two results


def trained_apart(one: Result, other: Result) -> bool:
    """Whether two models can have nothing in common but data and settings.

    Models of one seed begin alike and may go on from one pre-training; models with weights from
    elsewhere may share these.
    """
    mine, theirs = one.document.checkpoint, other.document.checkpoint
    given = mine.external_data or theirs.external_data or mine.weights or theirs.weights
    untrained = not (mine.stages or one.document.schema_version < 3)
    return mine.training_seed != theirs.training_seed and not given and not untrained


def copied(one: Result, other: Result, *, likely: bool = True) -> str:
    """What shows that two models trained apart did not make both predictions; "" for nothing.

    Args:
        one: a result.
        other: one on the same list.
        likely: whether their errors may be alike, by a first look.
    """
    found = agreement(one, other) if likely else NONE
    if found.low > APART and found.index == 1:
        return "have the same predictions"
    if found.low > APART:
        return (
            f"share {100 * found.index:.0f} % of their errors; models trained apart share"
            f" {100 * APART:.0f} % at most"
        )
    if _same_losses(one, other):
        return "have the very same losses in many episodes"
    return ""


def _same_losses(one: Result, other: Result) -> bool:
    """Losses have 53 bits, which two models don't share by chance; failures have one value."""
    n = min(len(one.accuracy), len(other.accuracy))
    common = [np.intersect1d(one.columns[k][:n], other.columns[k][:n]).size for k in _LOSSES]
    return max(common) > max(2, SHARE * n)


_LOSSES = ("nll", "brier")


def copies_of_seeds(results: Sequence[Result]) -> Iterator[str]:
    """What shows that seeds of one row are one model, or one model's predictions."""
    likely = set(near(results, APART)) if len(results) > 1 else set()
    for i, j in itertools.combinations(range(len(results)), 2):
        one, other = results[i], results[j]
        parts = [result.document.checkpoint for result in (one, other)]
        seeds = " and ".join(str(part.training_seed) for part in parts)
        if parts[0].sha256 == parts[1].sha256:
            yield f"training seeds {seeds} are one and the same model"
        elif not trained_apart(one, other):
            continue
        elif why := copied(one, other, likely=(i, j) in likely):
            yield f"training seeds {seeds} {why}"
        elif shuffled(one, other):
            yield f"training seeds {seeds} have the same predictions, of other episodes"


def repeated(result: Result) -> Iterator[str]:
    """Predictions of one episode that stand again under another one."""
    if shuffled(result, result):
        yield "its predictions repeat themselves, episode by episode"


def copies_of_rows(results: Sequence[Result]) -> Iterator[tuple[Result, Result, str]]:
    """Pairs of results of different rows that were trained apart, and are not of two models."""
    for same in _by_list(results):
        rows = [configuration(result.document) for result in same]
        for i, j in near(same, APART):
            one, other = same[i], same[j]
            if rows[i] == rows[j] or not trained_apart(one, other):
                continue
            if why := copied(one, other):
                yield one, other, why
        for i, j in suspects(same):
            if rows[i] != rows[j] and shuffled(same[i], same[j]):
                yield same[i], same[j], "have the same predictions, of other episodes"


def like_another(rows: Mapping[str, Sequence[Result]]) -> dict[str, str]:
    """Row -> another one from which its predictions can't be told.

    All its seeds agree with some result of the other row as copies do. That may be honest: two
    classifiers of one embedding can be one and the same. It is for readers to know.
    """
    of_row = {result.document.result_id: row for row, held in rows.items() for result in held}
    alike: dict[tuple[str, str], set[str]] = collections.defaultdict(set)
    every = [result for held in rows.values() for result in held]
    for same in _by_list(every):
        for i, j in near(same, RELATED):
            ids = [same[k].document.result_id for k in (i, j)]
            if of_row[ids[0]] != of_row[ids[1]] and agreement(same[i], same[j]).low > RELATED:
                for a, b in (ids, ids[::-1]):
                    alike[of_row[a], of_row[b]].add(a)
    found = {(a, b) for (a, b), seeds in alike.items() if len(seeds) == len(rows[a])}
    return dict(sorted(found, reverse=True))  # of several the first


def _by_list(results: Sequence[Result]) -> Iterator[list[Result]]:
    """Results whose lists of episodes begin alike."""
    groups: dict[tuple[str, int], list[Result]] = collections.defaultdict(list)
    for result in results:
        first = list_sha256(result.columns["episode_hash"][:1])
        groups[first, int(result.columns["n_query"][:FEW_EPISODES].sum())].append(result)
    yield from (same for same in groups.values() if len(same) > 1)
