"""What every registered sampler promises, whoever adds it."""

import hashlib

import numpy as np
import pytest

from fewshot_bench.data.episodes import EpisodeIds, Task, episode_hashes
from fewshot_bench.data.samplers.base import make_sampler
from fewshot_bench.errors import ConfigError
from fewshot_bench.registry import SAMPLERS
from tests.data.test_episodes import make_split

NAMES = [entry.name for entry in SAMPLERS]
SIZES = [21, 40, 33, 64, 25, 50, 39, 28, 90, 22]
TASK = Task(4, 1, 3)


def make(name, seed=0, fingerprint="abc", split="test", sizes=SIZES):
    return make_sampler(name, make_split(sizes, fingerprint, split), TASK, seed)


def one_by_one(sampler, count, start=0):
    return [sampler(t, 1) for t in range(start, start + count)]


@pytest.mark.parametrize("name", NAMES)
def test_support_and_query_share_no_image_and_labels_are_those_of_the_classes(name):
    sampler = make(name)
    for ids in one_by_one(sampler, 10):
        images = np.concatenate([ids.support_ids, ids.query_ids], axis=1)[0]
        labels = np.concatenate([ids.support_labels, ids.query_labels], axis=1)[0]
        assert len(set(images.tolist())) == len(images) <= sampler.most_images
        assert ids.query_ids.shape[1] <= sampler.most_queries
        assert len(set(ids.class_ids[0].tolist())) == ids.n_way
        np.testing.assert_array_equal(sampler.pool.labels[images], ids.class_ids[0][labels])
        assert set(ids.support_labels[0].tolist()) == set(range(ids.n_way))


@pytest.mark.parametrize("name", NAMES)
def test_an_episode_depends_on_its_number_and_not_on_what_was_asked_before(name):
    sampler = make(name)
    ids = sampler(7, 1)
    for start in (0, 5, 7):
        again = sampler(start, 8 - start)[7 - start :] if sampler.one_shape else sampler(7, 1)
        np.testing.assert_array_equal(again.support_ids, ids.support_ids)
        np.testing.assert_array_equal(again.query_ids, ids.query_ids)
        np.testing.assert_array_equal(again.query_labels, ids.query_labels)
        np.testing.assert_array_equal(sampler.query_order(again), sampler.query_order(ids))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", [{"seed": 1}, {"fingerprint": "abd"}, {"split": "val"}])
def test_each_ingredient_changes_episodes_and_query_orders(name, change):
    one, other = make(name), make(name, **change)
    pairs = list(zip(one_by_one(one, 8), one_by_one(other, 8), strict=True))
    assert any(not np.array_equal(a.support_ids, b.support_ids) for a, b in pairs)
    orders = [(one.query_order(a).tolist(), other.query_order(b).tolist()) for a, b in pairs]
    assert any(a != b for a, b in orders)


@pytest.mark.parametrize("name", NAMES)
def test_orders_hold_each_query_once_and_differ_from_episode_to_episode(name):
    sampler = make(name)
    orders = [sampler.query_order(ids)[0].tolist() for ids in one_by_one(sampler, 10)]
    assert all(sorted(order) == list(range(len(order))) for order in orders)
    assert len({tuple(order) for order in orders}) == 10


@pytest.mark.parametrize("name", NAMES)
def test_protocols_tell_samplers_and_their_parameters_apart(name):
    others = [make(other) for other in NAMES if other != name]
    sampler = make(name)
    assert (sampler.protocol_id, sampler.mode) not in [(s.protocol_id, s.mode) for s in others]
    for option in sampler.options:
        changed = make_sampler(name, sampler.pool, TASK, 0, {option: sampler.options[option] + 1})
        assert changed.protocol_id != sampler.protocol_id


def test_an_older_name_draws_the_same_list():
    old, new = make("replacement")(0, 5), make("uniform")(0, 5)
    np.testing.assert_array_equal(old.query_ids, new.query_ids)


def by_hand(query_labels):
    """One episode of two classes, one shot."""

    def row(*values):
        return np.array([values])

    ids = (np.array([0], np.uint32), row(0, 1), row(3, 9), row(0, 1), row(4, 5, 8, 7))
    return EpisodeIds(*ids, row(*query_labels))


def test_labels_count_for_the_identity_of_unequal_episodes():
    plain = b"abc" + np.array([0, 1, 3, 9, 4, 5, 8, 7], "<i4").tobytes()
    expected = hashlib.blake2b(plain, digest_size=8).digest()
    equal, *others = (
        episode_hashes("abc", by_hand(labels))[0]
        for labels in ([0, 0, 1, 1], [0, 0, 0, 1], [0, 1, 1, 1], [0, 1, 0, 1])
    )
    assert int(equal).to_bytes(8, "little") == expected
    assert len({equal, *others}) == 4


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("unifrom", {}, "did you mean 'uniform'"),
        ("uniform", {"alpha": 2}, "no parameter 'alpha'; it has: none"),
        ("dirichlet", {"beta": 2}, "no parameter 'beta'; it has: alpha"),
        ("dirichlet", {"alpha": 0}, "alpha is a whole number from 1 to 100, not 0"),
        ("dirichlet", {"alpha": 0.5}, "alpha is a whole number"),
        ("varied", {"max_way": 3}, "max_way is a whole number from 5 to 256, not 3"),
        ("varied", {"min_way": 11}, "have 11 classes or more, but test has 10"),
    ],
)  # fmt: skip
def test_what_is_impossible_is_said_in_one_line(name, options, message):
    with pytest.raises(ConfigError, match=message) as caught:
        make_sampler(name, make_split(SIZES), TASK, 0, options)
    assert "\n" not in str(caught.value)
