"""Data from Python: arrays, episodes as a sequence, loaders of torch, ordinary datasets."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torchvision.transforms import v2

import fewshot_bench as fsb
from fewshot_bench.data.episodes import Task
from fewshot_bench.data.samplers.base import make_sampler
from fewshot_bench.errors import ConfigError, DataError

SPLIT = {f"c{i}": part for i, part in enumerate(["train"] * 4 + ["val"] * 3 + ["test"] * 4)}


def arrays(channels=3, n=110):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (n, 8, 8, channels), dtype=np.uint8)
    return images, [f"c{i % 11}" for i in range(n)]


def test_arrays_keep_their_pixels_class_by_class():
    images, labels = arrays()
    data = fsb.from_arrays(images, labels, SPLIT)
    assert data.test.classes == ("c10", "c7", "c8", "c9")
    assert (len(data.train), len(data.val), len(data.test)) == (40, 30, 40)
    rows = [i for i, label in enumerate(labels) if label == "c10"]
    found = data.test.pool.images[:10].transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(found, images[rows])
    other = fsb.from_arrays(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()), labels, SPLIT)
    assert other.manifest.fingerprint == data.manifest.fingerprint
    images[0, 0, 0, 0] ^= 1
    assert fsb.from_arrays(images, labels, SPLIT).manifest.fingerprint != data.manifest.fingerprint


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((110, 8, 8, 3), dtype=np.float32), "uint8"),
        (np.zeros((110, 8, 9, 3), dtype=np.uint8), "H = W"),
        (np.zeros((9, 8, 8, 3), dtype=np.uint8), "9 images, but 110 labels"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_line(images, message):
    with pytest.raises(DataError, match=message):
        fsb.from_arrays(images, arrays()[1], SPLIT)


def test_a_rule_can_split_the_classes():
    images, labels = arrays()
    data = fsb.from_arrays(images, labels, fsb.random_split(0.5, 0.2, 0.3, seed=1))
    classes = [*data.train.classes, *data.val.classes, *data.test.classes]
    assert sorted(classes) == sorted(set(labels))


def test_episodes_are_a_sequence_that_starts_again():
    data = fsb.from_arrays(*arrays(), SPLIT)
    episodes = data.test.episodes(n_way=3, n_shot=2, n_query=4, count=7, seed=5)
    assert len(episodes) == len(list(episodes)) == len(list(episodes)) == 7
    for t, episode in enumerate(episodes):
        assert torch.equal(episode.query, episodes[t].query)
        assert torch.equal(episode.query_labels, episodes[t].query_labels)
    assert len(episodes[2:5]) == 3
    assert torch.equal(episodes[-1].support, episodes[6].support)
    with pytest.raises(IndexError, match="there are 7 episodes"):
        episodes[7]


def test_they_are_the_episodes_of_the_command_line():
    data = fsb.from_arrays(*arrays(), SPLIT)
    sampler = make_sampler("uniform", data.test.pool, Task(3, 2, 4), 5)
    ids = sampler(0, 7)
    mean, std = (np.array(v)[:, None, None] for v in (data.manifest.mean, data.manifest.std))
    for t, episode in enumerate(data.test.episodes(3, 2, 4, count=7, seed=5)):
        expected = (data.test.pool.images[ids.support_ids[t]] / 255 - mean) / std
        np.testing.assert_allclose(episode.support, expected, atol=1e-5)


def test_a_data_loader_takes_them_as_they_are():
    data = fsb.from_arrays(*arrays(), SPLIT)
    episodes = data.test.episodes(n_way=3, n_query=4, count=5)
    loader = DataLoader(episodes, batch_size=None, num_workers=2)
    loaded = list(loader)
    assert len(loaded) == 5
    for episode, expected in zip(loaded, episodes, strict=True):
        assert torch.equal(episode.support, expected.support)
        assert torch.equal(episode.query_labels, expected.query_labels)


def test_a_split_is_a_dataset_of_torchvision():
    data = fsb.from_arrays(*arrays(), SPLIT)
    pictures = data.train.dataset(transform=v2.Compose([v2.ToDtype(torch.float32, scale=True)]))
    image, target = pictures[11]
    assert (len(pictures), target) == (40, 1)
    np.testing.assert_allclose(image, data.train.pool.images[11] / 255, rtol=1e-6)
    batch, targets = next(iter(DataLoader(pictures, batch_size=8)))
    assert batch.shape == (8, 3, 8, 8)
    assert targets.tolist() == [0] * 8


def test_a_split_that_is_not_there_is_said():
    data = fsb.from_arrays(*arrays(), {f"c{i}": "test" for i in range(5)})
    with pytest.raises(ConfigError, match="no 'train' classes; it has: test"):
        _ = data.train
