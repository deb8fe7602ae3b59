"""CMA-ES proposes by its past alone."""

import json

import numpy as np

from fewshot_bench.search.taylorglo import next_generation
from tests.search.common import make_spec

SPEC = make_spec("taylorglo", population=12)


def distance(candidate):
    return float(np.linalg.norm(np.array(json.loads(candidate)) - 1))


def test_it_goes_towards_the_optimum_and_repeats_itself():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    past = []
    for _ in range(30):
        past.append(next_generation(SPEC, past, distance))
    means = [np.mean([distance(c) for c in generation]) for generation in past]
    assert means[0] > 3
    assert means[-1] < 0.5
    assert past[7] == next_generation(SPEC, past[:7], distance)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_an_infinite_fitness_is_only_the_worst():
    past = [next_generation(SPEC, [], distance)]
    worst = max(past[0], key=distance)
    second = next_generation(SPEC, past, lambda c: float("inf") if c == worst else distance(c))
    assert len(second) == 12
