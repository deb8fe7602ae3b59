"""What two shortcuts of EvoMAL's search would change: early rejection and shorter trainings.

    python benchmarks/evomal_shortcuts.py [generations] > benchmarks/results/evomal_shortcuts.md

All candidates of a search that have a gradient are put to the rejection protocol with the weights
from before local search, too; and all that have a fitness are trained for a quarter and for half
of the steps, too.
"""

import dataclasses
import sys
import tempfile
from pathlib import Path

import torch
from scipy.stats import spearmanr

from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.platform import keep_freed_memory
from fewshot_bench.search.fitness import Tree, accepted, fitness_of_trees, initial_weights
from fewshot_bench.search.run import search
from fewshot_bench.search.spec import SearchSpec, open_problem
from fewshot_bench.search.state import State

CASES = (("digits", "linear"), ("digits", "mlp-128"), ("diabetes", "mlp-128"))
TOP = 5


def rejection(spec: SearchSpec, state: State) -> list[str]:
    """Cells: candidates by what the protocol says before and after local search."""
    outcomes = {t: o for t, o in state.archive.outcomes.items() if o.verdict != "no gradient"}
    trees = [Tree(text, initial_weights(spec, Expression.parse(text))) for text in outcomes]
    early = {tree.text for tree in accepted(spec, trees) if tree.verdict}
    late = {text for text, outcome in outcomes.items() if outcome.verdict == "rejected"}
    ranked = sorted(outcomes, key=lambda text: outcomes[text].fitness)
    lost = [rank for rank, text in enumerate(ranked, 1) if text in early - late]
    best = str(lost[0]) if lost else "none"
    return [str(n) for n in (len(outcomes), len(early & late), len(late - early), len(lost))] + [
        best
    ]


def shortening(spec: SearchSpec, state: State) -> list[str]:
    """Cells for a quarter and a half of the steps: rank correlation, and top candidates kept."""
    kept = {t: o for t, o in state.archive.outcomes.items() if o.verdict == "kept"}
    trees = [Tree(text, outcome.weights) for text, outcome in kept.items()]
    whole = torch.tensor([outcome.fitness for outcome in kept.values()])
    top = set(whole.argsort()[:TOP].tolist())
    cells = []
    for part in (4, 2):
        recipe = dataclasses.replace(spec.recipe, steps=spec.recipe.steps // part)
        short = dataclasses.replace(spec, recipe=recipe)
        stacks = open_problem(short).stacks(list(range(len(trees))))
        found = torch.empty(len(trees))
        for stack in stacks:
            found[stack] = torch.tensor(fitness_of_trees(short, [trees[i] for i in stack]))
        better_half = set(found.argsort()[: len(trees) // 2].tolist())
        cells.append(f"{spearmanr(found, whole).statistic:.2f}")
        cells.append(f"{len(top & better_half)} of {TOP}")
    return cells


def main() -> None:
    """Print the table as Markdown."""
    generations = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    torch.set_num_threads(1)
    keep_freed_memory()
    head = ["data", "model", "with a gradient", "rejected before and after", "only after"]
    head += ["only before", "best rank of those", "rank correlation, 1/4 of the steps"]
    head += [
        f"top {TOP} in its better half",
        "rank correlation, 1/2",
        f"top {TOP} in its better half",
    ]
    print(f"EvoMAL, {generations} generations of 25, seed 0.\n")
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * 2 + " ---: |" * (len(head) - 2))
    for data, model in CASES:
        spec = SearchSpec("evomal", data, model)
        with tempfile.TemporaryDirectory() as folder:
            state = search(spec, generations, Path(folder, "state.json"))
        torch.set_flush_denormal(True)
        cells = [data, model, *rejection(spec, state), *shortening(spec, state)]
        torch.set_flush_denormal(False)
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
