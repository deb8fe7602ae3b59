"""Candidates per minute of an EvoMAL search, beside a direct reading of its description.

    python benchmarks/evomal.py [generations] [sample] > benchmarks/results/evomal.md

The direct reading takes each candidate by itself: 250 steps of local search, each by unrolling a
training step with plain autograd, then, unless the rejection protocol rejects it, 500 training
steps. It knows no archive, so what comes twice is computed twice. It is given every n-th
candidate of the search's own stream, one after the other, in the same process.
"""

import functools
import sys
import tempfile
import time
from pathlib import Path

import torch

from fewshot_bench.errors import TrainingError
from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.per_output import criterion
from fewshot_bench.inner.losses.symbolic import SymbolicLoss
from fewshot_bench.platform import keep_freed_memory
from fewshot_bench.search.gradients import FunctionLosses
from fewshot_bench.search.rejection import improves, sampled_outputs
from fewshot_bench.search.run import search
from fewshot_bench.search.spec import Problem, SearchSpec, open_problem
from fewshot_bench.search.state import State
from fewshot_bench.supervised.offline import OfflineRecipe, learn_offline
from fewshot_bench.supervised.train import error, train

CASES = (("digits", "linear"), ("digits", "mlp-128"), ("diabetes", "mlp-128"))


def direct(spec: SearchSpec, problem: Problem, text: str, protocol: bool) -> float | None:
    """Fitness of one candidate, None if it has none."""
    model, data = problem.model, problem.data
    expression = Expression.parse(text)
    offline = OfflineRecipe(steps=spec.local_steps, lr=spec.local_lr)
    loss = SymbolicLoss(expression)
    try:
        phi = learn_offline(loss, model, data, spec.recipe, offline, spec.training_seed)
    except TrainingError:
        return None
    if protocol:
        outputs, targets = sampled_outputs(model, data, spec.training_seed)
        losses = FunctionLosses([functools.partial(loss.of_outputs, phi)])
        if not improves(losses, outputs, targets, spec.protocol_steps, spec.protocol_lr).item():
            return None
    trained = train(model, data, criterion(loss, phi, data.task), spec.recipe, spec.training_seed)
    return error(model, trained.params, data.val)


def seconds_direct(spec: SearchSpec, texts: list[str], protocol: bool) -> float:
    """CPU seconds per candidate."""
    problem = open_problem(spec)
    start = time.process_time()
    for text in texts:
        direct(spec, problem, text, protocol)
    return (time.process_time() - start) / len(texts)


def seconds_search(spec: SearchSpec, generations: int) -> tuple[State, float]:
    """The search, and CPU seconds per candidate."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        state = search(spec, generations, Path(folder, "state.json"))
        seconds = time.process_time() - start
    return state, seconds / sum(map(len, state.generations))


def line(data: str, model: str, generations: int, sample: int) -> str:
    """One line of the table."""
    spec = SearchSpec("evomal", data, model)
    open_problem(spec)
    state, ours = seconds_search(spec, generations)
    stream = [text for generation in state.generations for text in generation]
    texts = stream[:: max(1, len(stream) // sample)][:sample]
    plain, with_protocol = (seconds_direct(spec, texts, protocol) for protocol in (False, True))
    counts = state.counts
    new = counts["new"] / len(stream)
    flat, rejected = (counts.get(what, 0) / len(stream) for what in ("no gradient", "rejected"))
    rates = [f"{60 / seconds:.0f}" for seconds in (ours, with_protocol, plain)]
    ratios = [f"**{seconds / ours:.1f}**" for seconds in (with_protocol, plain)]
    shares = [f"{100 * share:.0f} %" for share in (1 - new, flat, rejected)]
    return "| " + " | ".join([data, model, *rates, *ratios, *shares]) + " |"


def main() -> None:
    """Print the table as Markdown."""
    generations = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    sample = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    torch.set_num_threads(1)
    keep_freed_memory()
    print(f"torch {torch.__version__}, one CPU thread; a search of {generations} generations of")
    print(f"25, and every n-th of its candidates, {sample} in all, by a direct reading with")
    print("(b) and without (a) the rejection protocol. Candidates per minute of CPU time.\n")
    head = ["data", "model", "search", "direct (b)", "direct (a)", "search / b", "search / a"]
    head += ["archived", "no gradient", "rejected"]
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * 2 + " ---: |" * (len(head) - 2))
    for data, model in CASES:
        print(line(data, model, generations, sample), flush=True)


if __name__ == "__main__":
    main()
