"""Episodes: an independent scalar implementation, and what every list must satisfy."""

import hashlib

import numpy as np
import pytest
from numpy.random import Philox

from fewshot_bench.data.episodes import Task, episode_hashes
from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers import stream, uniform
from fewshot_bench.data.samplers.uniform import UniformSampler
from fewshot_bench.errors import ConfigError


def make_split(sizes, fingerprint="abc", name="test"):
    sizes = np.array(sizes, dtype=np.int64)
    return Pool(name, tuple(f"class{i}" for i in range(len(sizes))), sizes, fingerprint)


def images_of(ids):
    """(B, way, shot + query) image ids of rectangular episodes."""
    parts = (ids.support_ids, ids.query_ids)
    return np.concatenate([part.reshape(len(ids), ids.n_way, -1) for part in parts], axis=2)


def plain_episode(split, task, seed, t):
    """The same episode in plain Python, word by word."""
    text = f"fewshot_bench/sampler-1/{split.fingerprint}/{split.name}/{task.id}/{seed}"
    key = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")
    stream = Philox(key=key, counter=[0, 0, 0, t])

    def pick(size, k):
        deck = list(range(size))
        for i in range(k):
            bound = size - i
            word = int(stream.random_raw())
            while word >= (2**64 // bound) * bound:
                word = int(stream.random_raw())
            j = i + word % bound
            deck[i], deck[j] = deck[j], deck[i]
        return deck[:k]

    classes = pick(split.n_classes, task.n_way)
    starts = np.cumsum(split.class_sizes) - split.class_sizes
    images = [
        [int(starts[c]) + i for i in pick(int(split.class_sizes[c]), task.n_shot + task.n_query)]
        for c in classes
    ]
    return classes, images


@pytest.mark.parametrize("task", [Task(5, 1, 15), Task(3, 5, 2), Task(20, 1, 1)])
def test_equals_a_plain_implementation(task):
    split = make_split([20, 31, 25] * 10)
    ids = UniformSampler(split, task, seed=7)(3, 50)
    for row in range(50):
        classes, images = plain_episode(split, task, 7, 3 + row)
        assert ids.class_ids[row].tolist() == classes
        assert images_of(ids)[row].tolist() == images


def test_a_rejected_word_takes_the_next_one(monkeypatch):
    # Real streams reject a word about once in 2**40, so the fast path is told it saw one.
    fast = uniform.partial_shuffle

    def always_rejecting(raw, sizes):
        picks, ok = fast(raw, sizes)
        return np.zeros_like(picks), np.zeros_like(ok)

    split, task = make_split([20] * 30), Task()
    expected = UniformSampler(split, task)(0, 9)
    monkeypatch.setattr(uniform, "partial_shuffle", always_rejecting)
    slow = UniformSampler(split, task)(0, 9)
    np.testing.assert_array_equal(slow.query_ids, expected.query_ids)
    np.testing.assert_array_equal(slow.class_ids, expected.class_ids)


@pytest.mark.parametrize(
    ("word", "choices", "accepted"),
    [(2**64 - 1, 8, True), (2**64 - 1, 3, False), (2**64 - 2, 3, True), (2**64 - 3, 7, True)],
)
def test_a_word_counts_only_below_the_largest_multiple(word, choices, accepted):
    assert (word < 2**64 // choices * choices) is accepted
    _, ok = stream.partial_shuffle(np.array([[word]], dtype=np.uint64), np.array([choices]))
    assert bool(ok[0]) is accepted


def test_a_prefix_does_not_depend_on_length_or_block():
    sampler = UniformSampler(make_split([40] * 12), Task(), seed=1)
    whole = sampler(0, 600)
    np.testing.assert_array_equal(sampler(0, 10).query_ids, whole.query_ids[:10])
    np.testing.assert_array_equal(sampler(599, 1).support_ids, whole.support_ids[599:])
    blocks = [sampler(start, 37).query_ids for start in range(0, 74, 37)]
    np.testing.assert_array_equal(np.concatenate(blocks), whole.query_ids[:74])


@pytest.mark.parametrize(
    ("change", "value"),
    [("seed", 1), ("fingerprint", "abd"), ("name", "val"), ("task", Task(5, 2))],
)
def test_each_ingredient_changes_the_list(change, value):
    base = {"seed": 0, "fingerprint": "abc", "name": "test", "task": Task()}

    def first(args):
        split = make_split([20] * 30, args["fingerprint"], args["name"])
        return UniformSampler(split, args["task"], args["seed"])(0, 3).class_ids.tolist()

    assert first(base) != first({**base, change: value})


def test_support_and_query_are_disjoint_and_of_the_right_class():
    split = make_split([16, 20, 17, 30, 16, 90])
    ids = UniformSampler(split, Task(5, 1, 15))(0, 300)
    both = images_of(ids)
    for row in range(300):
        assert len(set(both[row].ravel())) == 80
        assert len(set(ids.class_ids[row])) == 5
    np.testing.assert_array_equal(
        split.labels[both], np.broadcast_to(ids.class_ids[..., None], both.shape)
    )


def test_classes_labels_and_images_are_uniform():
    ids = UniformSampler(make_split([20] * 10), Task(5, 1, 4))(0, 4000)
    for label in range(5):  # expected 400 each, standard deviation 19
        counts = np.bincount(ids.class_ids[:, label], minlength=10)
        assert abs(counts - 400).max() < 5 * 19
    support = np.bincount(ids.support_ids.ravel() % 20, minlength=20)  # 1000 each, sd 31
    assert abs(support - 1000).max() < 5 * 31


def test_hashes_tell_episodes_and_data_apart():
    ids = UniformSampler(make_split([20] * 30), Task())(0, 100)
    hashes = episode_hashes("abc", ids)
    assert hashes.dtype == np.uint64
    assert len(set(hashes.tolist())) == 100
    assert not (hashes == episode_hashes("abd", ids)).any()
    np.testing.assert_array_equal(episode_hashes("abc", ids[20:30]), hashes[20:30])


def test_impossible_episodes_are_refused():
    with pytest.raises(ConfigError, match="has 4; lower n_way"):
        UniformSampler(make_split([20] * 4), Task(5))
    with pytest.raises(
        ConfigError, match=r"2 classes of test have fewer .* 16 images .*'class1': 3"
    ):
        UniformSampler(make_split([20, 3, 20, 20, 20, 5]), Task(5, 1, 15))
    with pytest.raises(ConfigError, match="n_shot must be at least 1"):
        Task(5, 0, 15)
