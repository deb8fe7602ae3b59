"""Orders of queries: uniform, of each episode's own, the same in any block."""

import itertools

import numpy as np
import pytest
from numpy.random import Philox

from fewshot_bench.data.samplers.stream import orders


@pytest.mark.parametrize(("items", "most"), [(75, 75), (5, 5), (1, 1), (20, 500)])
def test_equals_sorting_the_words_of_one_stream(items, most):
    blocks = (most + 3) // 4
    words = Philox(key=11).random_raw(20 * blocks * 4).reshape(20, -1)[:, :items]
    # Words differ in their high bits here, so the low ones decide nothing.
    expected = np.argsort(words, axis=1)
    np.testing.assert_array_equal(orders(11, 0, 20, items, most), expected)
    np.testing.assert_array_equal(orders(11, 13, 7, items, most), expected[13:])


def test_every_order_is_as_likely():
    drawn = orders(3, 0, 24_000, 4, 4)
    counts = [(drawn == order).all(axis=1).sum() for order in itertools.permutations(range(4))]
    assert sum(counts) == 24_000
    assert max(abs(np.array(counts) - 1000)) < 5 * 31  # standard deviation 31
