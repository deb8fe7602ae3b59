"""Disjoint episodes: no image twice, as many as the smallest class allows."""

import numpy as np
import pytest

from fewshot_bench.data.episodes import Task
from fewshot_bench.data.samplers.disjoint import DisjointSampler
from fewshot_bench.errors import ConfigError
from tests.data.test_episodes import images_of, make_split


def test_no_image_is_used_twice_and_classes_are_right():
    split = make_split([33, 40, 35, 64, 32, 50, 39])
    sampler = DisjointSampler(split, Task(3, 1, 7))
    ids = sampler(0, sampler.total)
    assert sampler.total == (32 // 8) * (7 // 3)
    images = images_of(ids)
    assert len(np.unique(images)) == images.size
    expected = np.broadcast_to(ids.class_ids[..., None], images.shape)
    np.testing.assert_array_equal(split.labels[images], expected)
    for row in ids.class_ids:
        assert len(set(row.tolist())) == 3


def test_the_list_is_fixed_by_its_seed():
    split = make_split([32] * 9)
    one, same, other = (DisjointSampler(split, Task(3, 1, 7), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one(2, 5).query_ids, same(0, 7).query_ids[2:])
    assert not np.array_equal(one(0, 5).class_ids, other(0, 5).class_ids)


def test_asking_for_more_than_there_are_is_refused():
    sampler = DisjointSampler(make_split([16] * 10), Task(5, 1, 7))
    assert sampler.total == 4
    with pytest.raises(ConfigError, match=r"has 4 disjoint .* not 5"):
        sampler(0, 5)
