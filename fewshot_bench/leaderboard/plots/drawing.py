"""From stored results to pictures: one function per kind, all of the same form."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from matplotlib.figure import Figure

from fewshot_bench.errors import ConfigError, ResultError
from fewshot_bench.evaluation.by_data import DataGroup, comparable, grouped
from fewshot_bench.evaluation.classes import names_of
from fewshot_bench.evaluation.compare import Comparison, Pair, align_entrants, compare_entrants
from fewshot_bench.evaluation.document import Document
from fewshot_bench.evaluation.entrants import Entrant, with_distinct_names
from fewshot_bench.evaluation.intervals import interval_of, seed_matrix
from fewshot_bench.evaluation.protocol import task_words
from fewshot_bench.leaderboard.plots.across import (
    slope_plot,
    slopes,
    transfer_plot,
    transfer_table,
)
from fewshot_bench.leaderboard.plots.classes import classes_plot
from fewshot_bench.leaderboard.plots.cost import Cost, cost_plot
from fewshot_bench.leaderboard.plots.critical_difference import cd_diagram
from fewshot_bench.leaderboard.plots.curves import Curve, learning_curves
from fewshot_bench.leaderboard.plots.intervals import Bar, interval_plot
from fewshot_bench.leaderboard.plots.measured import class_accuracies, rank_table
from fewshot_bench.leaderboard.plots.pairs import Difference, pairs_plot
from fewshot_bench.leaderboard.plots.profile import profile_plot
from fewshot_bench.leaderboard.plots.trainings import on_embeddings, same_sampler, trainings_plot
from fewshot_bench.stats import friedman, nemenyi_cd
from fewshot_bench.stats.distributions import t_quantile

V = TypeVar("V")
MOST_PAIRS = 15  # with more, only those of the leader are drawn


def draw(kind: str, entrants: Sequence[Entrant], level: float = 0.95) -> Figure:
    """Draw one kind of picture of stored results.

    Args:
        kind: a key of :data:`KINDS`.
        entrants: methods, each with one result per training seed.
        level: confidence level.

    Raises:
        ConfigError: no such kind.
        FsbenchError: the results can't be shown so; says why.
    """
    if kind not in KINDS:
        raise ConfigError(f"there is no picture {kind!r}; there are {', '.join(KINDS)}")
    return KINDS[kind](entrants, level)


def heading(entrant: Entrant) -> str:
    """What was tested, as a title: benchmark, way and shot."""
    document = entrant.results[0].document
    return f"{document.dataset.id}, {document.protocol.words}"


def _interval(entrants: Sequence[Entrant], level: float) -> Figure:
    if len(entrants) == 1:
        [entrant] = entrants
        one = interval_of(entrant.results, "closed", level)
        bars = [Bar(entrant.name, one.mean, one.low, one.high)]
        estimand = one.estimand
    else:
        comparison = compare_entrants(entrants, level)
        bars = _bars(comparison)
        estimand = comparison.intervals[0].estimand
    way = entrants[0].results[0].document.protocol.way
    chance = 1 / way if way else None
    note = f"{100 * level:g}% {estimand} interval, {seeds_words(entrants)}"
    return interval_plot(bars, heading(entrants[0]), chance=chance, note=note)


def _bars(comparison: Comparison) -> list[Bar]:
    rows = zip(comparison.names, comparison.intervals, comparison.ranks, strict=True)
    return [
        Bar(name, one.mean, one.low, one.high, "lead" if ranks[0] == 1 else "measured")
        for name, one, ranks in rows
    ]


def _cd(entrants: Sequence[Entrant], level: float) -> Figure:
    names, scores, blocks = rank_table(entrants)
    ranks = friedman(scores).ranks
    cd = nemenyi_cd(len(names), len(scores), 1 - level)
    note = f"mean rank over {len(scores):,} {blocks}; Nemenyi, {100 * level:g}%"
    title = ""
    if blocks == "episodes":  # then the test says nothing of other data, nor of other trainings
        title = heading(entrants[0])
        note = f"{note}\nabout these trained models on this data set, {seeds_words(entrants)}"
    return cd_diagram(names, ranks.tolist(), cd, title, note)


def _profile(entrants: Sequence[Entrant], level: float) -> Figure:
    del level
    entrants = align_entrants(entrants)
    scores = [seed_matrix(entrant.results) for entrant in entrants]
    names, of = [entrant.name for entrant in entrants], f"episodes of {seeds_words(entrants)}"
    return profile_plot(names, scores, heading(entrants[0]), of)


def _curves(entrants: Sequence[Entrant], level: float) -> Figure:
    del level
    entrants = with_distinct_names(entrants)
    headings = dict.fromkeys(map(heading, entrants))
    if len(headings) > 1:
        raise ConfigError(f"curves of {' and '.join(headings)} do not belong in one picture")
    return learning_curves([_curve(entrant) for entrant in entrants], next(iter(headings)))


def _curve(entrant: Entrant) -> Curve:
    curves = [result.document.training.curve for result in entrant.results]
    # Older results can hold a step twice, from processes that trained side by side.
    recorded = _recorded(entrant, "training.curve", curves)
    tables = [sorted(dict(table).items()) for table in recorded]
    runs = [np.array(table, dtype=np.float64).T for table in tables]
    return Curve(entrant.name, tuple((steps, accuracy) for steps, accuracy in runs))


def _cost(entrants: Sequence[Entrant], level: float) -> Figure:
    entrants = align_entrants(entrants)
    entries = []
    for entrant in entrants:
        one = interval_of(entrant.results, "closed", level)
        times = [result.document.timing.per_episode_s for result in entrant.results]
        seconds = float(np.mean(_recorded(entrant, "timing.per_episode_s", times)))
        entries.append(Cost(entrant.name, seconds, one.mean, one.low, one.high))
    return cost_plot(entries, heading(entrants[0]), note=f"mean of {seeds_words(entrants)}")


def _recorded(entrant: Entrant, name: str, found: Sequence[V | None]) -> list[V]:
    """What every result of a method says under a name that older results may lack."""
    known = [value for value in found if value]
    if len(known) < len(found):
        raise ResultError(f"a result of {entrant.name} holds no {name}; evaluate it again")
    return known


def _pairs(entrants: Sequence[Entrant], level: float) -> Figure:
    """The better mean stands first in every pair, and pairs of the leader stand on top."""
    comparison = compare_entrants(entrants, level)
    names, tested = comparison.names, len(comparison.pairs)
    first = names[:1] if tested > MOST_PAIRS else names
    pairs = [comparison.pair(a, b) for a, b in itertools.combinations(names, 2) if a in first]
    differences = [joint_difference(pair, tested) for pair in pairs]
    note = ""
    if tested > MOST_PAIRS:  # then the leader stands once above all rows
        differences = [
            replace(one, name=f"− {pair.b}") for one, pair in zip(differences, pairs, strict=True)
        ]
        note = f"{names[0]} minus each of these\n"
    about = comparison.pairs[0].difference.estimand
    joint = f"joint for {tested} pairs" if tested > 1 else "one pair"
    note += f"{100 * level:g}% {about} intervals, {joint}\n{seeds_words(entrants)}"
    return pairs_plot(differences, heading(entrants[0]), 1 - level, note)


def joint_difference(pair: Pair, tested: int) -> Difference:
    """A pair with an interval that holds together with those of all pairs, and with Holm's test.

    Bonferroni's interval never excludes 0 where Holm finds nothing. Where Holm finds a difference
    that it would still cover 0 with, the interval ends at 0 (Strassburger and Bretz 2008).
    """
    one, p = pair.difference, pair.p_holm
    alpha = 1 - one.level
    wider = t_quantile(1 - alpha / tested, one.df) / t_quantile(one.level, one.df)
    low, high = one.mean - wider * one.half_width, one.mean + wider * one.half_width
    if p <= alpha:
        low, high = (max(low, 0.0), high) if one.mean > 0 else (low, min(high, 0.0))
    return Difference(f"{pair.a} − {pair.b}", one.mean, low, high, p, pair.mde80)


def seeds_words(entrants: Sequence[Entrant]) -> str:
    """How many trained models stand behind a number: ``3 seeds each``, ``1 to 3 seeds``."""
    counts = sorted({len(entrant.results) for entrant in entrants})
    if len(counts) > 1:
        return f"{counts[0]} to {counts[-1]} seeds"
    return "1 seed" + " each" * (len(entrants) > 1) if counts == [1] else f"{counts[0]} seeds each"


def _classes(entrants: Sequence[Entrant], level: float) -> Figure:
    entrants = align_entrants(entrants)
    methods = [class_accuracies(entrant, level) for entrant in entrants]
    names = names_of(entrants[0].results[0].document.dataset)
    return classes_plot(methods, names, heading(entrants[0]), seeds_words(entrants))


def _slope(entrants: Sequence[Entrant], level: float) -> Figure:
    methods, other = slopes(entrants, level)
    document = entrants[0].results[0].document
    title = f"{document.dataset.id}, {task_words(document.protocol.way, document.protocol.shot)}"
    note = f"{100 * level:g}% {methods[0].left.estimand} intervals, {seeds_words(entrants)}"
    return slope_plot(methods, other, title, note)


def _transfer(entrants: Sequence[Entrant], level: float) -> Figure:
    del level
    tasks = {entrant.results[0].document.protocol.words for entrant in entrants}
    if len(tasks) > 1:
        raise ConfigError(f"results of {' and '.join(sorted(tasks))} don't belong in one matrix")
    title = f"cross-domain, {tasks.pop()}"
    return transfer_plot(transfer_table(entrants), title, f"means of {seeds_words(entrants)}")


def _heat(entrants: Sequence[Entrant], level: float) -> Figure:
    return trainings_plot(entrants, level, seeds_words(on_embeddings(entrants) or entrants))


def groups(kind: str, entrants: Sequence[Entrant]) -> list[DataGroup]:
    """What each picture of a kind shows; kinds of :data:`ACROSS` need several data or lists."""
    if kind in ACROSS:
        return grouped(entrants, ACROSS[kind])
    found = comparable(entrants)
    several = [group for group in found if len(group.entrants) > 1]
    return several if len(found) > 1 else found


def _everything(document: Document) -> tuple[str, ...]:
    del document
    return ()


def _same_task(document: Document) -> tuple[str, ...]:
    protocol = document.protocol
    return document.dataset.id, task_words(protocol.way, protocol.shot)


def _same_protocol(document: Document) -> tuple[str, ...]:
    return (document.protocol.words,)


# Kinds that show several data sets or lists of episodes, and what must be alike in one picture.
ACROSS: dict[str, Callable[[Document], tuple[str, ...]]] = {
    "cd": _everything,
    "slope": _same_task,
    "transfer": _same_protocol,
    "heat": same_sampler,
}
KINDS: dict[str, Callable[[Sequence[Entrant], float], Figure]] = {
    "interval": _interval,
    "cd": _cd,
    "profile": _profile,
    "curves": _curves,
    "cost": _cost,
    "pairs": _pairs,
    "classes": _classes,
    "slope": _slope,
    "transfer": _transfer,
    "heat": _heat,
}
