"""Ways and shots as in Meta-Dataset: the rules of its paper, checked on what is drawn."""

import numpy as np
import pytest
from numpy.random import Philox

from fewshot_bench.data.episodes import Task
from fewshot_bench.data.samplers.stream import stream_key
from fewshot_bench.data.samplers.varied import VariedSampler
from fewshot_bench.errors import ConfigError
from tests.data.test_episodes import make_split


def plain_episode(sampler, t):
    """Ways, shots and queries in plain floating-point Python, as the paper writes them."""
    pool, o = sampler.pool, sampler.options
    limits = "-".join(str(value) for value in o.values())
    key = stream_key(pool.fingerprint, f"test/varied-{limits}", sampler.seed)
    words = iter(Philox(key=key, counter=[0, 0, 0, t]).random_raw(5000).tolist())

    def pick(size, k):
        deck = list(range(size))
        for i in range(k):
            j = i + next(words) % (size - i)
            deck[i], deck[j] = deck[j], deck[i]
        return deck[:k]

    n_way = o["min_way"] + next(words) % (min(o["max_way"], pool.n_classes) - o["min_way"] + 1)
    classes = pick(pool.n_classes, n_way)
    sizes = pool.class_sizes[classes].astype(float)
    query = min(o["max_query"], np.floor(0.5 * sizes.min()))
    b = ((next(words) >> 11) + 1) / 2**53
    whole = np.ceil(b * np.minimum(o["max_class_support"], sizes - query)).sum()
    size = min(o["max_support"], whole)
    low, high = np.log(0.5), np.log(2)
    uniform = np.array([(next(words) >> 11) / 2**53 for _ in classes])
    weights = np.exp(low + (high - low) * uniform) * sizes
    shots = np.floor(weights / weights.sum() * (size - n_way)) + 1
    return classes, np.minimum(shots, sizes - query), query


@pytest.mark.parametrize("options", [{}, {"min_way": 2, "max_way": 9, "max_query": 3}])
def test_follows_the_rules_of_the_paper(options):
    sampler = VariedSampler(make_split([10, 30, 200, 600, 75, 25] * 10), Task(), 4, **options)
    for t in range(100):
        ids = sampler(t, 1)
        classes, shots, query = plain_episode(sampler, t)
        assert ids.class_ids[0].tolist() == classes
        assert np.bincount(ids.support_labels[0]).tolist() == shots.tolist()
        assert np.bincount(ids.query_labels[0]).tolist() == [query] * len(classes)


def test_ways_are_uniform_and_images_of_a_class_as_well():
    sampler = VariedSampler(make_split([12] * 9), Task(), min_way=2, max_way=20)
    drawn = [sampler(t, 1) for t in range(2000)]
    ways = np.bincount([ids.n_way for ids in drawn], minlength=10)[2:]
    assert max(abs(ways - 250)) < 5 * 15  # eight numbers, standard deviation 15
    images = np.bincount(np.concatenate([ids.query_ids[0] for ids in drawn]) % 12, minlength=12)
    assert max(abs(images / images.mean() - 1)) < 5 / np.sqrt(images.mean())


def test_small_classes_have_queries_too():
    ids = VariedSampler(make_split([2, 2, 2, 500, 3]), Task(), min_way=5)(0, 1)
    assert np.bincount(ids.query_labels[0]).tolist() == [1] * 5
    assert np.bincount(ids.support_labels[0]).min() == 1


def test_episodes_of_different_shapes_make_no_batch():
    sampler = VariedSampler(make_split([20] * 9), Task())
    with pytest.raises(ConfigError, match="one by one"):
        sampler(0, 2)
    with pytest.raises(ConfigError, match="1 classes of test have one image"):
        VariedSampler(make_split([20] * 9 + [1]), Task())
