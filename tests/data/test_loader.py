"""Batches of episodes: the right pixels, whatever the batch size and the number of workers."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from fewshot_bench.data.episodes import Task
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.data.pool import FeaturePool, Pool
from fewshot_bench.data.samplers.uniform import UniformSampler
from fewshot_bench.data.store import Split
from fewshot_bench.data.threads import ordered_map
from fewshot_bench.errors import DataError


@pytest.fixture
def split():
    pixels = np.random.Generator(np.random.Philox(3)).integers(0, 256, (12 * 20, 3, 8, 8))
    return Split(
        name="test",
        images=pixels.astype(np.uint8),
        class_names=tuple(map(str, range(12))),
        class_sizes=np.full(12, 20),
        fingerprint="x",
        mean=(0.5, 0.4, 0.3),
        std=(0.25, 0.2, 0.1),
    )


def test_delivers_the_normalised_images_of_its_ids(split):
    batch = EpisodeLoader(UniformSampler(split, Task(5, 2, 3)), workers=0).load(4, 3)
    assert batch.support.shape == (3, 10, 3, 8, 8)
    assert batch.query.shape == (3, 15, 3, 8, 8)
    mean, std = (np.array(v).reshape(3, 1, 1) for v in (split.mean, split.std))
    query_ids = np.take_along_axis(batch.ids.query_ids, batch.query_order, axis=1)
    for row in range(3):
        for images, ids, labels in (
            (batch.support, batch.ids.support_ids, batch.support_labels),
            (batch.query, query_ids, batch.query_labels),
        ):
            expected = (split.images[ids[row]] / 255 - mean) / std
            np.testing.assert_allclose(images[row].numpy(), expected, atol=1e-5)
            classes = batch.ids.class_ids[row][labels[row].numpy()]
            np.testing.assert_array_equal(classes, split.labels[ids[row]])


def test_queries_come_in_an_order_of_each_episodes_own(split):
    loader = EpisodeLoader(UniformSampler(split, Task(5, 2, 3)))
    batch = loader.load(0, 40)
    assert len({tuple(labels) for labels in batch.query_labels.tolist()}) == 40
    assert all(sorted(labels) == sorted([*range(5)] * 3) for labels in batch.query_labels.tolist())
    alone = loader.load(17, 1)
    np.testing.assert_array_equal(alone.query_order[0], batch.query_order[17])
    assert torch.equal(alone.query[0], batch.query[17])


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_features_are_delivered_as_images_are(split, dtype):
    features = np.random.Generator(np.random.Philox(4)).normal(size=(240, 6)).astype(dtype)
    pool = FeaturePool.of(split, features, "some network")
    images = EpisodeLoader(UniformSampler(split, Task())).load(3, 2)
    batch = EpisodeLoader(UniformSampler(pool, Task())).load(3, 2)
    np.testing.assert_array_equal(batch.ids.query_ids, images.ids.query_ids)
    assert torch.equal(batch.query_labels, images.query_labels)
    assert batch.support.dtype == torch.float32
    np.testing.assert_array_equal(batch.support, features[batch.ids.support_ids].astype("f4"))


def test_the_identity_of_features_names_images_and_embedding(split):
    features = np.zeros((240, 6), np.float32)
    one, other = (FeaturePool.of(split, features, name) for name in ("a", "b"))
    assert one.source_fingerprint == other.source_fingerprint == split.fingerprint
    assert len({one.fingerprint, other.fingerprint, split.fingerprint}) == 3
    assert FeaturePool.of(split, features, "a").fingerprint == one.fingerprint
    with pytest.raises(DataError, match="239 features do not fit the 240 images"):
        FeaturePool.of(split, features[1:], "a")
    with pytest.raises(DataError, match=r"not float64 of shape \(240, 6\)"):
        FeaturePool.of(split, features.astype(float), "a")


def test_class_sizes_alone_deliver_nothing():
    pool = Pool("test", ("a", "b"), np.array([20, 20]), "x")
    with pytest.raises(TypeError, match="neither images nor features"):
        EpisodeLoader(UniformSampler(pool, Task(2)))


@pytest.mark.parametrize(("size", "workers"), [(1, 1), (3, 2), (7, 4), (None, 0), (100, 1)])
def test_batch_size_and_workers_change_nothing(split, size, workers):
    def everything(**options):
        loader = EpisodeLoader(UniformSampler(split, Task()), **options)
        batches = list(loader.batches(0, 20))
        return (
            torch.cat([b.support for b in batches]),
            torch.cat([b.query for b in batches]),
            np.concatenate([b.ids.index for b in batches]),
        )

    expected = everything(batch_size=20, workers=0)
    support, query, index = everything(batch_size=size, workers=workers)
    assert torch.equal(support, expected[0])
    assert torch.equal(query, expected[1])
    assert index.tolist() == list(range(20))


def test_an_episode_hides_its_query_labels_on_request(split):
    batch = EpisodeLoader(UniformSampler(split, Task()), workers=0).load(0, 2)
    assert torch.equal(batch.episode(1).targets, batch.query_labels[1])
    assert batch.episode(1).number == 1
    assert batch.episode(1, hide_query_labels=True).number == 0
    with pytest.raises(ValueError, match="hidden"):
        _ = batch.episode(1, hide_query_labels=True).targets


def test_an_episode_draws_its_own_random_numbers(split):
    lists = [
        EpisodeLoader(UniformSampler(split, Task(5, 2, 3), seed)).load(0, 5) for seed in (0, 0, 1)
    ]
    first, again, other = ([e.generator().initial_seed() for e in batch] for batch in lists)
    assert first == again
    assert len({*first, *other}) == 10


def test_rotated_classes_are_turned_drawings(split):
    turned = split.with_rotations()
    assert turned.n_classes == 48
    assert turned.fingerprint == "x+rotations"
    n = len(split.images)
    for quarter in range(4):
        expected = np.rot90(split.images[17], quarter, axes=(1, 2))
        np.testing.assert_array_equal(turned.images[quarter * n + 17], expected)
        assert turned.class_names[12 * quarter + 3] == f"3/rot{90 * quarter:03d}"
        assert turned.labels[quarter * n + 17] == 12 * quarter + split.labels[17]


def test_ordered_map_keeps_order_and_passes_errors_on():
    with ThreadPoolExecutor(3) as pool:
        squares = list(ordered_map(lambda x: x * x, range(50), pool, ahead=6))
        assert squares == [x * x for x in range(50)]
        with pytest.raises(ZeroDivisionError):
            list(ordered_map(lambda x: 1 // x, [2, 1, 0, 3], pool, ahead=2))


def test_ordered_map_looks_only_a_little_ahead():
    taken = []
    with ThreadPoolExecutor(2) as pool:
        counted = (taken.append(x) or x for x in range(1000))
        results = ordered_map(lambda x: x, counted, pool, ahead=6)
        assert next(results) == 0
        assert len(taken) == 7
        results.close()
