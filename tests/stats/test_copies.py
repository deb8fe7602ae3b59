"""Rotated copies of the same drawings are no further classes and no further images."""

import functools

import numpy as np
import pytest

from fewshot_bench.errors import StatisticsError
from fewshot_bench.stats import open_class_ci, open_image_ci

from .known import episodes

SIZES = [7, 9, 8, 12, 7, 8]
C, N = len(SIZES), sum(SIZES)


def turned(rng, classes, images):
    """The same episodes with every class turned at random, ids as the store gives them."""
    turns = rng.integers(0, 4, classes.shape)
    return classes + turns * C, images + turns[:, :, None] * N


@pytest.fixture
def drawn():
    rng = np.random.default_rng(3)
    acc, classes, images = episodes(rng, 200, SIZES, 3, 4)
    return acc, (classes, images), turned(rng, classes, images)


def test_the_units_are_the_drawings(drawn):
    acc, (classes, images), (turned_classes, turned_images) = drawn
    for method in ("ij", "bound"):
        own = open_image_ci(acc, classes, images, SIZES, method=method)
        ci = open_image_ci(acc, turned_classes, turned_images, SIZES * 4, method=method, copies=4)
        assert ci == own
    planned = open_image_ci(
        acc, None, None, SIZES * 4, method="bound", n_way=3, n_per_class=4, copies=4
    )
    assert planned.half_width == ci.half_width
    assert open_class_ci(acc, turned_classes, 4 * C, copies=4) == open_class_ci(acc, classes, C)


def test_episodes_with_two_copies_of_a_class_count_for_the_mean_only(drawn):
    acc, _, (classes, images) = drawn
    twice, pictures = classes[:20].copy(), images[:20].copy()
    twice[:, 1], pictures[:, 1] = (twice[:, 0] + C) % (4 * C), (pictures[:, 0] + N) % (4 * N)
    more = np.concatenate([acc, np.linspace(0.2, 0.4, 20)])
    both = np.concatenate([classes, twice]), np.concatenate([images, pictures])
    ci = open_image_ci(more, *both, SIZES * 4, copies=4)
    alone = open_image_ci(acc, classes, images, SIZES * 4, copies=4)
    assert (ci.mean, ci.v_pool) == (pytest.approx(more.mean()), alone.v_pool)
    over = open_class_ci(more, both[0], 4 * C, copies=4)
    alone = open_class_ci(acc, classes, 4 * C, copies=4)
    assert (over.mean, over.v_raw) == (pytest.approx(more.mean()), alone.v_raw)
    # Nothing but such episodes leaves the bound.
    only = open_image_ci(more[200:], twice, pictures, SIZES * 4, copies=4)
    assert only.flags == ("rotated_copies", "bound_used")
    only = open_class_ci(more[200:], twice, 4 * C, copies=4)
    assert only.flags == ("rotated_copies", "bound_used")
    assert only.v_pool == pytest.approx(only.sd**2 * 3 / C)


def test_more_ways_than_drawn_classes():
    rng = np.random.default_rng(0)
    classes = np.array([rng.choice(8, 3, replace=False) for _ in range(50)])
    images = np.arange(2) + 4 * classes[:, :, None]
    acc = rng.uniform(0.4, 0.8, 50)
    ci = open_image_ci(acc, classes, images, [4] * 8, copies=4)
    assert ci.flags == ("rotated_copies", "bound_used")
    assert ci.k == pytest.approx(8 / (3 * 2))
    with pytest.raises(StatisticsError, match="from a split of 2"):
        open_class_ci(acc, classes, 8, copies=4)


def test_what_are_no_copies_is_refused(drawn):
    acc, _, (classes, images) = drawn
    with pytest.raises(StatisticsError, match="copies of the same"):
        open_image_ci(acc, classes, images, [*SIZES * 3, *reversed(SIZES)], copies=4)
    with pytest.raises(StatisticsError, match="copies of the same"):
        open_class_ci(acc, classes, 4 * C, copies=5)
    with pytest.raises(StatisticsError, match="must be below n_classes"):
        open_class_ci(acc, classes + 4, 4 * C, copies=4)
    with pytest.raises(StatisticsError, match="copies are needed"):
        open_class_ci(acc, classes, 4 * C, copies=0)


WIDE, PER_CLASS, WAY, M, T = 10, 12, 4, 4, 400  # classes, their images, episodes


def linear_pool(rng, effects):
    """Accuracies, class ids and image ids of episodes from a pool drawn anew, turned four ways."""
    pool = 0.6 + effects[:, None] + rng.normal(0, 0.12, (WIDE, PER_CLASS))
    classes = rng.permuted(np.tile(np.arange(4 * WIDE), (T, 1)), axis=1)[:, :WAY]
    inside = rng.permuted(np.tile(np.arange(PER_CLASS), (T * WAY, 1)), axis=1)[:, :M]
    inside = inside.reshape(T, WAY, M)
    acc = pool[(classes % WIDE)[:, :, None], inside].mean(axis=(1, 2)) + rng.normal(0, 0.03, T)
    return acc, classes, inside + PER_CLASS * classes[:, :, None]


def coverage(interval_of, truth, pools):
    """Share of pools whose interval holds the truth."""
    intervals = [interval_of(*pool) for pool in pools]
    return np.mean([ci.low <= truth <= ci.high for ci in intervals])


def test_new_drawings_are_covered_only_with_copies_merged():
    rng = np.random.default_rng(0)
    effects, sizes = rng.normal(0, 0.05, WIDE), [PER_CLASS] * 4 * WIDE
    pools = [linear_pool(rng, effects) for _ in range(200)]
    shares = {
        copies: coverage(
            functools.partial(open_image_ci, pool_sizes=sizes, bounded=False, copies=copies),
            0.6 + effects.mean(),
            pools,
        )
        for copies in (4, 1)
    }
    assert 0.91 < shares[4] < 0.99
    assert shares[1] < 0.85


def test_new_characters_are_covered_only_with_copies_merged():
    rng = np.random.default_rng(1)
    pools = [linear_pool(rng, rng.normal(0, 0.05, WIDE))[:2] for _ in range(200)]
    shares = {
        copies: coverage(
            functools.partial(open_class_ci, n_classes=4 * WIDE, bounded=False, copies=copies),
            0.6,
            pools,
        )
        for copies in (4, 1)
    }
    assert 0.90 < shares[4] < 0.99
    assert shares[1] < 0.8
