"""Mini-batches of single images: each once in a pass, the same whatever came before."""

import numpy as np
import torch

from fewshot_bench.data.image_loader import ImageLoader
from fewshot_bench.data.store import Split


def make_split(n_classes=3, size=7, channels=3):
    rng = np.random.Generator(np.random.Philox(1))
    sizes = np.full(n_classes, size)
    images = rng.integers(0, 256, (n_classes * size, channels, 16, 16)).astype(np.uint8)
    names = tuple(map(str, range(n_classes)))
    return Split("train", names, sizes, "f", images, (0.5,) * channels, (0.25,) * channels)


def test_a_pass_holds_every_image_once_with_its_label():
    split = make_split()
    loader = ImageLoader(split, 7, seed=0, augment="none")
    seen = torch.cat([batch.images for batch in loader.batches(0, 3)])
    labels = torch.cat([batch.labels for batch in loader.batches(0, 3)])
    plain = (torch.from_numpy(split.images).float() / 255 - 0.5) / 0.25
    where = [(plain - image).abs().flatten(1).amax(dim=1).argmin().item() for image in seen]
    assert sorted(where) == list(range(21))
    assert labels.tolist() == [split.labels[i] for i in where]


def test_a_batch_depends_on_seed_and_step_alone():
    split = make_split()
    whole = list(ImageLoader(split, 4, seed=3).batches(0, 12))
    rest = list(ImageLoader(split, 4, seed=3).batches(7, 12))
    for batch, expected in zip(rest, whole[7:], strict=True):
        assert torch.equal(batch.images, expected.images)
        assert torch.equal(batch.labels, expected.labels)
    other = next(iter(ImageLoader(split, 4, seed=4).batches(0, 1)))
    assert not torch.equal(other.images, whole[0].images)
    assert not torch.equal(whole[0].labels, whole[5].labels)


def test_augmentation_keeps_the_range_of_pixels():
    split = make_split()
    batch = next(iter(ImageLoader(split, 21, seed=0).batches(0, 1)))
    assert batch.images.min() >= (0 - 0.5) / 0.25 - 1e-5
    assert batch.images.max() <= (1 - 0.5) / 0.25 + 1e-5
    plain = next(iter(ImageLoader(split, 21, seed=0, augment="none").batches(0, 1)))
    assert not torch.equal(batch.images, plain.images)


def test_a_batch_larger_than_the_split_is_the_whole_split():
    batches = list(ImageLoader(make_split(), 100, seed=0).batches(0, 2))
    assert [len(batch) for batch in batches] == [21, 21]
