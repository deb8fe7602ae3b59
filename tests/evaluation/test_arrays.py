"""Flat columns of episodes of any shape say the same as rectangular ones of equal shape."""

import numpy as np
import pytest

from fewshot_bench.errors import ConfigError, ResultError
from fewshot_bench.evaluation.arrays import design, first_episodes, queries
from fewshot_bench.evaluation.result import make_result
from fewshot_bench.stats import mean_ci, open_image_ci
from tests.evaluation.documents import document, sampler
from tests.leaderboard.synthetic import synthetic

RAGGED = {
    "n_way": np.array([2, 3], dtype=np.uint16),
    "class_ids": np.array([4, 1, 0, 2, 3], dtype=np.int32),
    "n_support": np.array([3, 3], dtype=np.uint16),
    "support_ids": np.array([80, 81, 20, 0, 40, 60], dtype=np.int32),
    "support_labels": np.array([0, 0, 1, 0, 1, 2], dtype=np.uint8),
    "n_query": np.array([4, 3], dtype=np.uint16),
    "query_ids": np.array([82, 21, 22, 23, 41, 42, 61], dtype=np.int32),
    "query_labels": np.array([0, 1, 1, 1, 1, 1, 2], dtype=np.uint8),
    "pred": np.array([0, 1, 0, 1, 1, 0, 0], dtype=np.uint8),
    "n_correct": np.array([3, 1], dtype=np.uint16),
    "episode_index": np.arange(2, dtype=np.uint32),
    "episode_hash": np.arange(2, dtype=np.uint64),
    "nll": np.zeros(2),
    "brier": np.zeros(2),
}


def ragged(**changes):
    shape = {"way": None, "shot": None, "query": None, "T": 2, "sampler": sampler("varied")}
    return make_result(document(protocol=shape), {**RAGGED, **changes})


def test_classes_and_labels_of_flat_queries():
    asked = queries(RAGGED)
    assert asked.episode.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert asked.class_id.tolist() == [4, 1, 1, 1, 2, 2, 3]
    assert np.bincount(asked.episode, asked.pred == asked.label).tolist() == [3, 1]


def test_designs_are_padded_where_episodes_have_less():
    classes, images = design(RAGGED)
    assert classes.tolist() == [[4, 1, -1], [0, 2, 3]]
    assert images[0].tolist() == [[80, 81, 82, -1], [20, 21, 22, 23], [-1] * 4]
    assert images[1].tolist() == [[0, -1, -1, -1], [40, 41, 42, -1], [60, 61, -1, -1]]


def test_flat_columns_are_cut_at_episodes():
    first = first_episodes(RAGGED, 1)
    assert first["pred"].tolist() == [0, 1, 0, 1]
    assert first["class_ids"].tolist() == [4, 1]
    assert first["support_ids"].tolist() == [80, 81, 20]
    assert len(first["n_query"]) == 1
    whole = first_episodes(RAGGED, 2)
    assert all(np.array_equal(whole[name], RAGGED[name]) for name in RAGGED)


def test_flat_columns_of_equal_shape_say_what_rectangular_ones_say():
    plain = synthetic(episodes=60).columns
    labels = np.tile(np.arange(5), (60, 1))
    flat = {name: plain[name].ravel() for name in ("class_ids", "support_ids", "query_ids", "pred")}
    flat |= {
        "n_way": np.full(60, 5),
        "n_support": np.full(60, 5),
        "n_query": plain["n_query"],
        "support_labels": labels.ravel(),
        "query_labels": np.repeat(labels, 15, axis=1).ravel(),
    }
    for mine, theirs in zip(design(flat), design(plain), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for name in ("episode", "label", "class_id", "pred"):
        np.testing.assert_array_equal(
            getattr(queries(flat), name), getattr(queries(plain), name), err_msg=name
        )


def test_accuracy_of_each_class_is_over_the_episodes_that_ask_for_it():
    table = ragged().per_class().set_index("class")
    assert table.loc["class 1", "accuracy"] == pytest.approx(2 / 3)
    assert table.loc["class 4", "accuracy"] == 1
    assert table.loc["class 2", "accuracy"] == 0.5
    assert table["episodes"].tolist() == [0, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert np.isnan(table.loc["class 0", "accuracy"])  # in an episode, but no query of it
    assert table["low"].isna().all()


def test_intervals_of_ragged_episodes():
    result = ragged()
    images = open_image_ci(result.accuracy, *design(RAGGED), [20] * 10)
    assert result.interval("open_images") == images
    assert "ragged_episodes" in images.flags
    assert result.interval().mean == mean_ci(np.array([3 / 4, 1 / 3])).mean
    with pytest.raises(ConfigError, match="as many classes in each episode"):
        result.interval("open_classes")
    with pytest.raises(ConfigError, match="there is no interval 'open'; there are closed"):
        result.interval("open")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pred": RAGGED["pred"][:6]}, r"pred must hold whole numbers of shape \(7,\)"),
        ({"pred": RAGGED["pred"] + 3}, "pred holds labels beyond the ways"),
        ({"class_ids": RAGGED["class_ids"] + 9}, "classes that the split does not have"),
        ({"n_correct": RAGGED["n_correct"] + 9}, "not counts of right"),
    ],
)
def test_columns_that_do_not_fit_are_named(change, reason):
    with pytest.raises(ResultError, match=reason):
        ragged(**change)
