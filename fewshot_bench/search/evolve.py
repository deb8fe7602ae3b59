"""Genetic programming: the next generation of trees, as a function of the last one.

A slot of the next generation is filled by exactly one of crossover, mutation and reproduction of
a parent that won a tournament. A child that has grown too high is given up for its parent.
"""

import functools
import math
from collections.abc import Callable
from random import Random

from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.search.repair import repair
from fewshot_bench.search.space import MAX_HEIGHT, crossover, mutation, random_tree
from fewshot_bench.search.spec import SearchSpec

INITIAL_HEIGHTS = (2, 4)
CROSSOVER, MUTATION = 0.70, 0.25  # the rest is reproduction
TOURNAMENT = 4
ELITE = 0.05


def next_generation(
    spec: SearchSpec, past: list[list[str]], fitness: Callable[[str], float]
) -> list[str]:
    """Candidates of generation ``len(past)``, in canonical form.

    Args:
        spec: the search; its seed and the number of the generation decide what is drawn.
        past: the generations so far.
        fitness: of any candidate of the last one.
    """
    rng = Random(f"{spec.seed} {len(past)}")
    if not past:
        trees = [random_tree(rng, *INITIAL_HEIGHTS) for _ in range(spec.population)]
        return [str(repair(rng, tree).canonical()) for tree in trees]
    last = past[-1]
    selected = [Expression.parse(min(rng.choices(last, k=TOURNAMENT), key=fitness)) for _ in last]
    children = [str(vary(rng, parent, selected).canonical()) for parent in selected]
    n_elite = math.ceil(ELITE * len(last)) if spec.elitism == "paper" else 0
    elite = sorted(dict.fromkeys(last), key=fitness)[:n_elite]
    return elite + children[len(elite) :]


def vary(rng: Random, parent: Expression, mates: list[Expression]) -> Expression:
    """One child of ``parent``, at most as high as the limit."""
    draw = rng.random()
    operator: Callable[[], Expression] = lambda: parent  # noqa: E731
    if draw < CROSSOVER:
        operator = functools.partial(crossover, rng, parent, rng.choice(mates))
    elif draw < CROSSOVER + MUTATION:
        operator = functools.partial(mutation, rng, parent)
    child = repair(rng, operator())
    return parent if child.height > MAX_HEIGHT else child
