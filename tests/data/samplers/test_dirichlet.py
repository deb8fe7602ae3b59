"""Unequal numbers of queries: known counts, the law they follow, and classes that are too small."""

import numpy as np
import pytest
from numpy.random import Philox

from fewshot_bench.data.episodes import Task
from fewshot_bench.data.samplers import dirichlet
from fewshot_bench.data.samplers.dirichlet import (
    DirichletSampler,
    dirichlet_shares,
    largest_remainder,
    within,
)
from fewshot_bench.data.samplers.stream import stream_key
from tests.data.test_episodes import make_split


def counts_of(ids):
    return np.stack([np.bincount(row, minlength=ids.n_way) for row in ids.query_labels])


@pytest.mark.parametrize(
    ("weights", "counts"),
    [
        ((31, 27, 22, 13, 7), (23, 20, 17, 10, 5)),
        ((302, 262, 222, 142, 72), (23, 20, 17, 10, 5)),
        ((50, 30, 10, 6, 4), (38, 23, 7, 4, 3)),
    ],
)
def test_z31_the_largest_remainder_gives_known_counts(weights, counts):
    assert largest_remainder(75, np.array(weights)).tolist() == list(counts)


def test_shares_are_gaps_between_sorted_numbers():
    words = np.array([[7 << 61, 1 << 61, 3 << 61, 4 << 61, 6 << 61]], dtype=np.uint64)
    eighth = 1 << 37
    shares = dirichlet_shares(words, 2)  # cuts at 1 3 4 6 7 eighths: gaps 1 2 | 1 2 | 1 1
    assert (shares // eighth).tolist() == [[3, 3, 2]]


def test_shares_have_the_moments_of_the_distribution():
    words = Philox(key=5).random_raw(20_000 * 9).reshape(20_000, 9)
    shares = dirichlet_shares(words, 2) / 2**40
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(shares.mean(axis=0), 0.2, atol=5 * 0.1206 / np.sqrt(20_000))
    np.testing.assert_allclose(shares.std(axis=0), np.sqrt(0.16 / 11), rtol=0.03)
    np.testing.assert_allclose(np.corrcoef(shares.T)[0, 1:], -0.25, atol=0.03)


def test_counts_follow_the_published_law():
    # Largest and smallest class, empty classes, and the ceiling of a balanced assignment.
    counts = counts_of(DirichletSampler(make_split([100] * 30), Task())(0, 6000))
    assert (counts.sum(axis=1) == 75).all()
    assert counts.max(axis=1).mean() == pytest.approx(28.6, abs=0.4)
    assert counts.min(axis=1).mean() == pytest.approx(5.3, abs=0.2)
    assert (counts == 0).any(axis=1).mean() == pytest.approx(0.009, abs=0.005)
    assert np.minimum(counts, 15).sum(axis=1).mean() / 75 == pytest.approx(0.7585, abs=0.005)


def plain_episode(sampler, t):
    """The same episode in plain Python, word by word; rejected words do not occur."""
    pool, task, alpha = sampler.pool, sampler.task, sampler.alpha
    total = task.n_way * task.n_query
    name = f"test/{task.n_way}-way-{task.n_shot}-shot-{total}-queries-dirichlet-{alpha}"
    key = stream_key(pool.fingerprint, name, sampler.seed)
    words = iter(Philox(key=key, counter=[0, 0, 0, t]).random_raw(1000).tolist())

    def pick(size, k):
        deck = list(range(size))
        for i in range(k):
            j = i + next(words) % (size - i)
            deck[i], deck[j] = deck[j], deck[i]
        return deck[:k]

    cuts = [0, *sorted(next(words) >> 24 for _ in range(task.n_way * alpha - 1)), 2**40]
    shares = [cuts[alpha * (k + 1)] - cuts[alpha * k] for k in range(task.n_way)]
    counts = [total * share // 2**40 for share in shares]
    fractions = [-(total * share % 2**40) for share in shares]
    for k in sorted(range(task.n_way), key=fractions.__getitem__)[: total - sum(counts)]:
        counts[k] += 1
    classes = pick(pool.n_classes, task.n_way)
    starts = [int(sum(pool.class_sizes[:c])) for c in classes]
    images = [
        [start + i for i in pick(int(pool.class_sizes[c]), task.n_shot + count)]
        for start, c, count in zip(starts, classes, counts, strict=True)
    ]
    return classes, counts, images


@pytest.mark.parametrize(("task", "alpha"), [(Task(5, 1, 15), 2), (Task(3, 5, 4), 1)])
def test_equals_a_plain_implementation(task, alpha):
    sampler = DirichletSampler(make_split([90, 120, 101] * 5), task, 7, alpha)
    ids = sampler(3, 40)
    counts = counts_of(ids)
    for row in range(40):
        classes, expected, images = plain_episode(sampler, 3 + row)
        assert ids.class_ids[row].tolist() == classes
        assert counts[row].tolist() == expected
        assert ids.support_ids[row].tolist() == [i for part in images for i in part[: task.n_shot]]
        assert ids.query_ids[row].tolist() == [i for part in images for i in part[task.n_shot :]]


def test_a_rejected_word_takes_the_next_one(monkeypatch):
    fast = dirichlet.partial_shuffle

    def rejecting(raw, sizes, used=None):
        picks, ok = fast(raw, sizes, used)
        return picks, np.zeros_like(ok)

    sampler = DirichletSampler(make_split([40] * 30), Task())
    expected = sampler(0, 9)
    monkeypatch.setattr(dirichlet, "partial_shuffle", rejecting)
    slow = sampler(0, 9)
    for name in ("class_ids", "support_ids", "query_ids", "query_labels"):
        np.testing.assert_array_equal(getattr(slow, name), getattr(expected, name))


def test_small_classes_give_what_they_have_and_the_list_says_so():
    sampler = DirichletSampler(make_split([16, 20, 100, 100, 100, 100]), Task(5, 1, 15))
    ids = sampler(0, 300)
    counts = counts_of(ids)
    assert (counts.sum(axis=1) == 75).all()
    assert (1 + counts <= sampler.pool.class_sizes[ids.class_ids]).all()
    assert (1 + counts == sampler.pool.class_sizes[ids.class_ids]).any()
    assert sampler.notes[0].startswith("2 of 6 classes have fewer than shot + all queries = 76")
    assert DirichletSampler(make_split([100] * 6), Task()).notes == ()


def test_what_is_beyond_the_room_goes_to_the_others_by_weight():
    counts = np.array([[10, 4, 2], [3, 3, 3], [16, 0, 0]])
    room = np.array([[6, 9, 9], [3, 3, 3], [5, 5, 6]])
    weights = np.array([[500_000, 299_999, 99_999], [1, 1, 1], [9, 0, 0]])
    assert within(counts, room, weights).tolist() == [[6, 7, 3], [3, 3, 3], [5, 5, 6]]
