"""Candidates per minute of an EvoMAL search, beside a direct reading of its description.

    python benchmarks/evomal.py [generations] [sample] [data/model] > benchmarks/results/evomal.md

The direct reading takes each candidate by itself: 250 steps of local search, each by unrolling a
training step with plain autograd, then, unless the rejection protocol rejects it, 500 training
steps. It knows no archive, so what comes twice is computed twice. After each generation of the
search it is given a few candidates of that generation, in the same process, so that both sides
see the same other load on the machine.
"""

import collections
import functools
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch

from fewshot_bench.errors import TrainingError
from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.per_output import criterion
from fewshot_bench.inner.losses.symbolic import SymbolicLoss
from fewshot_bench.nn.params import Params
from fewshot_bench.platform import keep_freed_memory
from fewshot_bench.search.gradients import FunctionLosses
from fewshot_bench.search.rejection import improves, sampled_outputs
from fewshot_bench.search.run import search
from fewshot_bench.search.spec import Problem, SearchSpec, open_problem
from fewshot_bench.search.state import State
from fewshot_bench.supervised.offline import OfflineRecipe, learn_offline
from fewshot_bench.supervised.train import train

T = TypeVar("T")
Seconds = dict[str, float]

CASES = (("digits", "linear"), ("digits", "mlp-128"), ("diabetes", "mlp-128"))
GOAL = 5


def timed(spent: Seconds, name: str, call: Callable[[], T]) -> T:
    """Result of a call, whose CPU seconds are added under a name."""
    start = time.process_time()
    try:
        return call()
    finally:
        spent[name] += time.process_time() - start


def direct(spec: SearchSpec, problem: Problem, text: str, spent: Seconds) -> None:
    """Try one candidate without (a) and with (b) the rejection protocol.

    ``spent`` gets the seconds of all parts, those of the training once for each of a and b that
    would have come so far.
    """
    model, data, seed = problem.model, problem.data, spec.training_seed
    offline = OfflineRecipe(steps=spec.local_steps, lr=spec.local_lr)
    loss = SymbolicLoss(Expression.parse(text))
    own: Seconds = collections.defaultdict(float)

    def learn() -> Params:
        return learn_offline(loss, model, data, spec.recipe, offline, seed)

    def accept() -> bool:
        losses = FunctionLosses([functools.partial(loss.of_outputs, phi)])
        sampled = sampled_outputs(model, data, seed)
        return bool(improves(losses, *sampled, spec.protocol_steps, spec.protocol_lr).item())

    try:
        phi = timed(own, "learn", learn)
    except TrainingError:
        for name in ("a", "b"):
            spent[name] += own["learn"]
        return
    accepted = timed(own, "accept", accept)
    usual = criterion(loss, phi, data.task)
    timed(own, "train", lambda: train(model, data, usual, spec.recipe, seed))
    spent["a"] += own["learn"] + own["train"]
    spent["b"] += own["learn"] + own["accept"] + accepted * own["train"]


def chosen(generation: list[str], sample: int, first: int) -> list[str]:
    """Candidates at equal distances, from a place that differs between generations."""
    n = len(generation)
    return [generation[(first + i * n // sample) % n] for i in range(sample)]


def measure(spec: SearchSpec, generations: int, sample: int) -> tuple[State, State, Seconds]:
    """The search as it is and with early rejection, and CPU seconds per candidate."""
    early, problem = replace(spec, reject="before"), open_problem(spec)
    open_problem(early)
    spent: Seconds = collections.defaultdict(float)
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder, f"{name}.json") for name in ("search", "early")}
        for done in range(1, generations + 1):
            now = functools.partial(search, spec, done, paths["search"])
            state = timed(spent, "search", now)
            for text in chosen(state.generations[-1], sample, 7 * done):
                direct(spec, problem, text, spent)
            now = functools.partial(search, early, done, paths["early"])
            early_state = timed(spent, "early", now)
    n_candidates = generations * spec.population
    n_tried = {"search": n_candidates, "early": n_candidates}
    per_candidate = {n: s / n_tried.get(n, generations * sample) for n, s in spent.items()}
    return state, early_state, per_candidate


def lines(data: str, model: str, generations: int, sample: int) -> list[str]:
    """Two lines of the table."""
    spec = SearchSpec("evomal", data, model)
    *states, seconds = measure(spec, generations, sample)
    found = []
    for name, state in zip(("search", "early"), states, strict=True):
        counts, n = state.counts, generations * spec.population
        flat, rejected = (counts.get(what, 0) / n for what in ("no gradient", "rejected"))
        rates = [f"{60 / seconds[what]:.0f}" for what in (name, "b", "a")]
        ratios = [f"**{seconds[what] / seconds[name]:.1f}**" for what in ("b", "a")]
        shares = [f"{100 * share:.0f} %" for share in (1 - counts["new"] / n, flat, rejected)]
        reject = "after" if name == "search" else "before"
        best = f"{state.archive.best()[1].fitness:.4f}"
        found.append(
            "| " + " | ".join([data, model, reject, *rates, *ratios, *shares, best]) + " |"
        )
    return found


def main() -> None:
    """Print the table as Markdown."""
    generations = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    sample = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    torch.set_num_threads(1)
    keep_freed_memory()
    print(f"torch {torch.__version__}, one CPU thread; a search of {generations} generations")
    print(
        f"of 25, and {sample} candidates of each by a direct reading with (b) and without (a) the"
    )
    print(
        "rejection protocol, in turns. Candidates per minute of CPU time. The protocol comes after"
    )
    print("local search, as in the released code, or before it. The goal is to be")
    print(f"{GOAL} times as fast as the direct reading.\n")
    head = ["data", "model", "protocol", "search", "direct (b)", "direct (a)", "search / b"]
    head += ["search / a", "archived", "no gradient", "rejected", "best error"]
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * 3 + " ---: |" * (len(head) - 3))
    wanted = [tuple(case.split("/")) for case in sys.argv[3:]] or CASES
    for data, model in wanted:
        print("\n".join(lines(data, model, generations, sample)), flush=True)


if __name__ == "__main__":
    main()
