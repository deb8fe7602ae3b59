"""TaylorGLO: eight coefficients by CMA-ES.

Gonzalez, Miikkulainen 2021, arXiv 2002.00059; start at 0 with deviation 1.2, as in EvoMAL's
comparison. The strategy is told the past again for each generation, which takes no time beside
the trainings, so nothing of it has to be stored.
"""

import json
import math
import warnings
from collections.abc import Callable

import numpy as np
from numpy.random import Generator, Philox

from fewshot_bench.inner.losses.taylor import N_COEFFICIENTS
from fewshot_bench.search.spec import SearchSpec

SIGMA = 1.2
WORST = 1e6  # for candidates without a fitness: CMA-ES ranks, so any large number will do


def next_generation(
    spec: SearchSpec, past: list[list[str]], fitness: Callable[[str], float]
) -> list[str]:
    """Candidates of generation ``len(past)``, as JSON lists.

    Args:
        spec: the search.
        past: the generations so far.
        fitness: of any candidate of them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import, about optional plotting
        import cma
    draws = Generator(Philox(spec.seed))
    options = {
        "popsize": spec.population,
        "verbose": -9,
        "seed": math.nan,  # leave numpy's global state alone
        "randn": lambda *shape: draws.standard_normal(shape),
    }
    strategy = cma.CMAEvolutionStrategy(np.zeros(N_COEFFICIENTS), SIGMA, options)
    for generation in past:
        asked = strategy.ask()
        strategy.tell(asked, [min(fitness(candidate), WORST) for candidate in generation])
    return [json.dumps([float(np.float32(c)) for c in point]) for point in strategy.ask()]
