"""A search from generation to generation, over several processes, that survives being killed.

After every generation the state file holds all that has been found out. Candidates and what is
drawn for them depend on the seed and the generation's number, and stacks of candidates on the
generation alone, so neither the number of processes nor an interruption changes the result.
"""

import collections
import math
import time
from collections.abc import Callable
from pathlib import Path

from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.search import evolve, taylorglo
from fewshot_bench.search.archive import Archive
from fewshot_bench.search.equivalence import gradient_key
from fewshot_bench.search.fitness import assess
from fewshot_bench.search.spec import SearchSpec, open_problem
from fewshot_bench.search.state import Report, State, load_state, save_state
from fewshot_bench.search.workers import Map, worker_map

# Where the fitness of a candidate came from, in counts beside the verdicts.
NEW, ARCHIVED, MERGED = "new", "archived", "same gradients"


def search(
    spec: SearchSpec,
    generations: int,
    path: Path,
    jobs: int = 1,
    observer: Callable[[Report], None] = lambda _: None,
) -> State:
    """Search, going on from the state file if there is one.

    Args:
        spec: what is searched.
        generations: in all, the initial one included.
        path: state file.
        jobs: processes; 1 computes here.
        observer: told of each generation that is done in this call.

    Raises:
        ConfigError: the state file is of another search.
    """
    state = load_state(path, spec)
    with worker_map(jobs) as mapped:
        while len(state.generations) < generations:
            start = time.monotonic()
            counts = advance(spec, state, mapped)
            loss, outcome = state.archive.best()
            best = outcome.fitness if math.isfinite(outcome.fitness) else None
            seconds = round(time.monotonic() - start, 2)
            report = Report(len(state.generations) - 1, counts, best, loss, seconds)
            state.reports.append(report)
            save_state(path, spec, state)
            observer(report)
    return state


def advance(spec: SearchSpec, state: State, mapped: Map) -> dict[str, int]:
    """Add one generation to the state and return its counts."""
    propose = taylorglo if spec.method == "taylorglo" else evolve
    candidates = propose.next_generation(spec, state.generations, state.archive.fitness)
    archive = state.archive
    unknown = [c for c in dict.fromkeys(candidates) if c not in archive.outcomes]
    merged = _merge(spec, archive, unknown)
    new = [c for c in unknown if c not in merged]
    outcomes = dict(zip(new, assess(spec, new, mapped), strict=True))
    archive.outcomes |= outcomes
    archive.outcomes |= {c: archive.outcomes[twin] for c, twin in merged.items()}
    state.generations.append(candidates)
    verdicts = collections.Counter[str](outcome.verdict for outcome in outcomes.values())
    known = len(candidates) - len(unknown)
    return {NEW: len(new), ARCHIVED: known, MERGED: len(merged), **verdicts}


def _merge(spec: SearchSpec, archive: Archive, unknown: list[str]) -> dict[str, str]:
    """Candidates that need not be tried, with the one that stands for each."""
    if spec.merge == "off" or spec.method == "taylorglo":
        return {}
    twins: dict[str, str] = {}
    for text in unknown:
        expression = Expression.parse(text)
        key = gradient_key(open_problem(spec), spec.training_seed, expression, spec.merge)
        first = archive.keys.setdefault(key, text)
        if first != text:
            twins[text] = first
    return twins
