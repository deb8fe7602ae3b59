"""The interval of a stored result, where the data set has rotated copies."""

import numpy as np
import pytest

from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.result import Result
from fewshot_bench.stats import open_class_ci, open_image_ci
from tests.evaluation.documents import document, sampler

C, PER_CLASS, T = 6, 8, 300


def rotated(mode="uniform", fingerprint="f+rotations"):
    random = np.random.default_rng(0)
    classes = np.array([random.choice(4 * C, 3, replace=False) for _ in range(T)])
    inside = np.array([[random.permutation(PER_CLASS)[:4] for _ in range(3)] for _ in range(T)])
    images = inside + PER_CLASS * classes[:, :, None]
    columns = {
        "n_correct": random.integers(5, 10, T).astype(np.uint16),
        "n_query": np.full(T, 9, dtype=np.uint16),
        "episode_hash": np.arange(T).astype(np.uint64),
        "class_ids": classes,
        "support_ids": images[:, :, :1],
        "query_ids": images[:, :, 1:],
    }
    described = document(
        dataset={"fingerprint": fingerprint, "pool_sizes": [PER_CLASS] * 4 * C},
        protocol={"sampler": sampler(mode)},
    )
    return Result(described, columns), images


def test_open_intervals_count_drawings_not_their_rotations():
    result, images = rotated()
    x, classes = result.accuracy, result.columns["class_ids"]
    sizes = result.document.dataset.pool_sizes
    expected = open_image_ci(x, classes, images, sizes, copies=4)
    assert interval_of([result], "open_images", 0.95) == expected
    assert expected.k == pytest.approx(C * PER_CLASS / (3 * 4))
    expected = open_class_ci(x, classes, 4 * C, copies=4)
    assert interval_of([result], "open_classes", 0.95) == expected
    assert expected.df == C - 1
    plain, _ = rotated(fingerprint="f")
    assert interval_of([plain], "open_images", 0.95) == open_image_ci(x, classes, images, sizes)


def test_disjoint_episodes_are_not_independent_where_drawings_return_turned():
    result = rotated("disjoint")[0]
    ci = interval_of([result], "open_images", 0.95)
    assert ci.method == "bound"
    assert ci.k == pytest.approx(C * PER_CLASS / (3 * 4))
    assert interval_of([rotated("disjoint", "f")[0]], "open_images", 0.95).method == "t"
