"""Stored results against each other: on the same episodes, or not at all."""

import dataclasses
import itertools
import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.errors import StatisticsError, UnpairedError
from fewshot_bench.evaluation.entrants import Entrant, with_distinct_names
from fewshot_bench.evaluation.intervals import interval_of, seed_matrix
from fewshot_bench.evaluation.result import Result
from fewshot_bench.evaluation.tables import methods_table, methods_text, pairs_table, pairs_text
from fewshot_bench.stats import (
    DegenerateWarning,
    Interval,
    align_episodes,
    compare_all,
    compare_methods,
    compare_methods_unpaired,
    compare_unpaired,
    holm,
    min_detectable_effect,
    rank_sets,
)
from fewshot_bench.stats.distributions import t_quantile

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Pair:
    """Difference of two entrants, first minus second.

    Attributes:
        a, b: names.
        difference: mean and interval of the difference, with its estimand.
        p: two-sided p value.
        p_holm: adjusted for the number of pairs.
        effect: mean difference in standard deviations of the per-episode difference; NaN where
            it is not defined (several seeds, unpaired).
        mde80: difference that such a study finds with 80 % power.
    """

    a: str
    b: str
    difference: Interval
    p: float
    p_holm: float
    effect: float
    mde80: float


def turned(pair: Pair) -> Pair:
    """The same difference, second minus first."""
    one = pair.difference
    difference = dataclasses.replace(one, mean=-one.mean, low=-one.high, high=-one.low)
    effect = -pair.effect
    return dataclasses.replace(pair, a=pair.b, b=pair.a, difference=difference, effect=effect)


@dataclass(frozen=True)
class Comparison:
    """Everything ``fsbench compare`` shows.

    Attributes:
        episodes: how many episodes were used of each.
        names: entrants, best mean first.
        intervals: accuracy of each, in that order.
        ranks: best and worst rank each may hold, among those that have learned from like data.
        pairs: all pairs.
        learned: what each has learned from besides training classes of the benchmark, in words;
            "" for nothing.
        seeds: trained models of each.
    """

    episodes: int
    names: tuple[str, ...]
    intervals: tuple[Interval, ...]
    ranks: tuple[tuple[int, int], ...]
    pairs: tuple[Pair, ...]
    learned: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()

    def pair(self, a: str, b: str) -> Pair:
        """``a`` minus ``b``, whichever way round it was computed.

        Raises:
            StatisticsError: they were not compared.
        """
        for pair in self.pairs:
            if (pair.a, pair.b) == (a, b):
                return pair
            if (pair.a, pair.b) == (b, a):
                return turned(pair)
        raise StatisticsError(f"{a} and {b} were not compared")

    def to_pandas(self) -> "pd.DataFrame":
        """Accuracies, see :func:`fewshot_bench.evaluation.tables.methods_table`."""
        return methods_table(self)

    def pairs_to_pandas(self) -> "pd.DataFrame":
        """Differences, see :func:`fewshot_bench.evaluation.tables.pairs_table`."""
        return pairs_table(self)

    def to_markdown(self) -> str:
        """Both tables, in percent."""
        return f"{methods_text(self, 'pipe')}\n\n{pairs_text(self, 'pipe')}"

    def to_latex(self) -> str:
        """Both tables, in percent, with rules of booktabs."""
        form = "latex_booktabs"
        return f"{methods_text(self, form)}\n\n{pairs_text(self, form)}"


@dataclass(frozen=True)
class _Raw:
    """A pair before the adjustment for the number of pairs."""

    difference: Interval
    p: float
    effect: float
    mde80: float


def compare_entrants(
    entrants: Sequence[Entrant], level: float = 0.95, *, allow_unpaired: bool = False
) -> Comparison:
    """Compare all pairs.

    With one training seed each the estimand is ``closed`` (these trained models on this pool);
    with several each it is ``method``.

    Raises:
        UnpairedError: different data, protocol or episodes; says what differs.
        StatisticsError: fewer than two entrants, or one seed against several.
    """
    if len(entrants) < 2:
        raise StatisticsError("a comparison needs at least two results")
    entrants = with_distinct_names(entrants) if allow_unpaired else align_entrants(entrants)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # the flags say it
        intervals = [interval_of(entrant.results, "closed", level) for entrant in entrants]
        raw = _pairs(entrants, level, allow_unpaired)
    adjusted = holm([pair.p for pair in raw])
    pairs = tuple(
        Pair(a.name, b.name, r.difference, r.p, float(p), r.effect, r.mde80)
        for (a, b), r, p in zip(itertools.combinations(entrants, 2), raw, adjusted, strict=True)
    )
    means = [interval.mean for interval in intervals]
    documents = [entrant.results[0].document for entrant in entrants]
    ranks = _ranks_apart(means, adjusted, [d.learned for d in documents], 1 - level)
    order = sorted(range(len(entrants)), key=lambda i: (-means[i], entrants[i].name))
    return Comparison(
        episodes=min(len(r.accuracy) for e in entrants for r in e.results),
        names=tuple(entrants[i].name for i in order),
        intervals=tuple(intervals[i] for i in order),
        ranks=tuple(ranks[i] for i in order),
        pairs=pairs,
        learned=tuple(documents[i].learned_words for i in order),
        seeds=tuple(len(entrants[i].results) for i in order),
    )


def _ranks_apart(
    means: Sequence[float], adjusted: NDArray[np.float64], kinds: Sequence[str], alpha: float
) -> list[tuple[int, int]]:
    """Rank sets among the entrants of each kind; adjusted p values are those of all pairs."""
    at = {pair: k for k, pair in enumerate(itertools.combinations(range(len(means)), 2))}
    ranks = [(1, 1)] * len(means)
    for kind in set(kinds):
        group = [i for i, one in enumerate(kinds) if one == kind]
        if len(group) < 2:
            continue
        inside = [adjusted[at[pair]] for pair in itertools.combinations(group, 2)]
        sets = rank_sets([means[i] for i in group], inside, alpha)
        for i, one in zip(group, sets, strict=True):
            ranks[i] = one
    return ranks


def align_entrants(entrants: Sequence[Entrant]) -> list[Entrant]:
    """The entrants under distinct names, cut to the episodes that all of them begin with.

    Raises:
        UnpairedError: different data, protocol or episodes; says what differs.
    """
    entrants = with_distinct_names(entrants)
    n = _common_episodes(entrants)
    return [Entrant(e.name, tuple(r.first(n) for r in e.results)) for e in entrants]


def _pairs(entrants: Sequence[Entrant], level: float, allow_unpaired: bool) -> list[_Raw]:
    """Raw comparisons of all pairs, in the order of ``itertools.combinations``."""
    seeds = [len(entrant.results) for entrant in entrants]
    if min(seeds) == 1 < max(seeds):
        lonely = entrants[seeds.index(1)].name
        raise StatisticsError(
            f"{lonely} has one training seed and others several;"
            " evaluate it with --seeds too, name the folder that holds its seeds' folders,"
            " or compare single results"
        )
    pairs = itertools.combinations(entrants, 2)
    if allow_unpaired:
        return [_unpaired(a, b, level) for a, b in pairs]
    if max(seeds) == 1:
        return _one_seed(entrants, level)
    return [_several_seeds(a, b, level) for a, b in pairs]


def _one_seed(entrants: Sequence[Entrant], level: float) -> list[_Raw]:
    columns = [entrant.results[0].columns for entrant in entrants]
    correct = np.stack([column["n_correct"] for column in columns]).astype(np.int64)
    board = compare_all(correct, columns[0]["n_query"].astype(np.int64), level)
    return [_Raw(pair, pair.p, pair.d_z, pair.mde80) for pair in board.comparisons]


def _several_seeds(a: Entrant, b: Entrant, level: float) -> _Raw:
    pair = compare_methods(seed_matrix(a.results), seed_matrix(b.results), level)
    return _Raw(pair, pair.p, math.nan, _detectable(pair, level))


def _unpaired(a: Entrant, b: Entrant, level: float) -> _Raw:
    """Welch's comparison, over episodes of single models or over seeds of methods.

    Episodes of several seeds are no independent values: all seeds met the same ones.
    """
    if len(a.results) == 1:
        one, other = (entrant.results[0].accuracy for entrant in (a, b))
        single = compare_unpaired(one, other, level)
        return _Raw(single, single.p, math.nan, _detectable(single, level))
    pair = compare_methods_unpaired(seed_matrix(a.results), seed_matrix(b.results), level)
    return _Raw(pair, pair.p, math.nan, _detectable(pair, level))


def _detectable(difference: Interval, level: float) -> float:
    """The difference, a fraction, that the test behind a t interval finds with 80 % power."""
    error = difference.half_width / t_quantile(level, difference.df)
    return min_detectable_effect(error, 1, level, df=difference.df)


def _common_episodes(entrants: Sequence[Entrant]) -> int:
    """Length of the longest episode list that all results begin with."""
    results = [result for entrant in entrants for result in entrant.results]
    names = [entrant.name for entrant in entrants for _ in entrant.results]
    first = results[0]
    n = len(first.accuracy)
    for name, other in zip(names[1:], results[1:], strict=True):
        theirs = episode_source(other)
        for what, (value, words) in episode_source(first).items():
            if value != theirs[what][0]:
                raise UnpairedError(
                    f"{names[0]} and {name} were measured on different episodes:"
                    f" their {what} are {words} and {theirs[what][1]}"
                )
        n = min(n, align_episodes(first.columns["episode_hash"], other.columns["episode_hash"]))
    return n


def episode_source(result: Result) -> dict[str, tuple[str, str]]:
    """What decides the episode list: by its name in an error message, its identity and words."""
    dataset, protocol = result.document.dataset, result.document.protocol
    sampler = protocol.sampler
    classes = f"{dataset.split} classes of {dataset.id} ({dataset.class_list_sha256[:8]})"
    plain = {
        "data fingerprints": dataset.fingerprint,
        "protocols": protocol.id,
        "samplers": sampler.drawing,
        "sampler options": json.dumps(sampler.options, sort_keys=True),
        "episode seeds": str(sampler.seed),
    }
    # One store of images can be split in several ways: CIFAR-FS and FC100 are the same images.
    split = (f"{dataset.split} {dataset.class_list_sha256}", f"the {classes}")
    return {name: (text, text) for name, text in plain.items()} | {"classes": split}
