"""Images of one benchmark as a model of another takes them: size, channels, normalisation."""

import dataclasses

import numpy as np
import torch.nn.functional as F
from torch import from_numpy

from fewshot_bench.data.adapted import Wanted, adapted, resized, with_channels
from fewshot_bench.data.library import open_benchmark
from tests.tiny import SIZE


def random_images(n, channels, size):
    return np.random.Generator(np.random.Philox(3)).integers(
        0, 256, (n, channels, size, size), dtype=np.uint8
    )


def test_resizing_rounds_what_torch_gives():
    images = random_images(300, 3, 16)
    for size in (8, 24):
        small = F.interpolate(
            from_numpy(images).double(), (size, size), mode="bilinear", antialias=True
        )
        difference = np.abs(resized(images, size) - small.numpy())
        assert difference.max() <= 0.5 + 1e-3
    assert resized(images, 16) is images


def test_grey_becomes_three_equal_channels_and_colour_its_luma():
    grey = random_images(4, 1, 5)
    three = with_channels(grey, 3)
    assert three.shape == (4, 3, 5, 5)
    assert (three == grey).all()
    assert np.shares_memory(three, grey)
    from_numpy(three)  # loaders wrap it, and warn of arrays that can't be written
    colour = np.full((1, 3, 2, 2), [[[10]], [[20]], [[30]]], dtype=np.uint8)
    assert (with_channels(colour, 1) == round(0.299 * 10 + 0.587 * 20 + 0.114 * 30)).all()


def test_a_store_is_adapted_and_says_so(tiny_folder):
    store = open_benchmark(f"folder:{tiny_folder}", SIZE)
    assert adapted(store, Wanted.of(store.manifest)) is store
    other = adapted(store, Wanted(8, 1, (0.5,), (0.25,)))
    pool, source = other.split("test"), store.split("test")
    assert pool.images.shape == (len(source), 1, 8, 8)
    assert (pool.mean, pool.std) == ((0.5,), (0.25,))
    assert pool.fingerprint == source.fingerprint  # episodes are of the same pictures
    assert other.splits == store.splits
    record = other.manifest.preprocessing
    assert record["then_resize"] == "8x8, bilinear (antialiased), of the stored 16x16"
    assert record["then_channels"] == "grey by luma"
    assert record.items() > store.manifest.preprocessing.items()
    again = adapted(store, dataclasses.replace(Wanted.of(store.manifest), mean=(0.1, 0.2, 0.3)))
    assert again.manifest.preprocessing == store.manifest.preprocessing
    np.testing.assert_array_equal(again.split("val").images, store.split("val").images)
