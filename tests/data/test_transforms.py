"""Batched image transforms against one image at a time and against what must not change."""

import numpy as np
import torch

from fewshot_bench.data.transforms import (
    Normalise,
    colour_jitter,
    random_resized_crop,
    shifted_and_flipped,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_normalise_uint8_like_the_formula():
    images = torch.randint(0, 256, (4, 3, 5, 5), generator=generator(), dtype=torch.uint8)
    out = Normalise((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))(images)
    for c, (mean, std) in enumerate(zip((0.5, 0.4, 0.3), (0.2, 0.3, 0.4), strict=True)):
        torch.testing.assert_close(out[:, c], (images[:, c] / 255 - mean) / std)
    buffer = torch.empty(4, 3, 5, 5)
    assert Normalise((0.5,) * 3, (1.0,) * 3)(images, out=buffer) is buffer


def test_crops_differ_between_images_and_repeat_with_the_generator():
    images = torch.rand(1, 3, 16, 16, generator=generator()).expand(8, -1, -1, -1)
    out = random_resized_crop(images, generator(1))
    assert out.shape == images.shape
    assert torch.equal(out, random_resized_crop(images, generator(1)))
    assert all(not torch.equal(out[0], other) for other in out[1:])


def test_a_whole_crop_is_the_image_or_its_mirror():
    images = torch.rand(64, 1, 9, 9, generator=generator())
    # An area share of 1 leaves only the aspect ratio free, whose longer side is cut to the image.
    out = random_resized_crop(images, generator(2), scale=(1e4, 1e4))
    same = torch.isclose(out, images, atol=1e-4).flatten(1).all(1)
    mirrored = torch.isclose(out, images.flip(3), atol=1e-4).flatten(1).all(1)
    assert (same | mirrored).all()
    assert 15 < mirrored.sum() < 49


def test_jitter_of_strength_zero_is_the_identity_and_grey_stays_grey():
    images = torch.rand(5, 3, 6, 6, generator=generator())
    torch.testing.assert_close(colour_jitter(images, generator(), strength=0.0), images)
    grey = images[:, :1].expand(-1, 3, -1, -1)
    out = colour_jitter(grey, generator(4))
    torch.testing.assert_close(out[:, 0], out[:, 2])
    assert out.min() >= 0
    assert out.max() <= 1
    assert colour_jitter(images[:, :1], generator()).shape == (5, 1, 6, 6)


def test_a_shifted_image_is_a_window_of_its_mirrored_surroundings():
    images = torch.randint(0, 256, (40, 3, 12, 12), generator=generator(), dtype=torch.uint8)
    out = shifted_and_flipped(images, generator(5), margin=2)
    assert out.dtype == torch.uint8
    assert out.shape == images.shape
    padded = np.pad(images.numpy(), [(0, 0), (0, 0), (2, 2), (2, 2)], mode="reflect")
    found = []
    for image, changed in zip(padded, out.numpy(), strict=True):
        windows = {
            (y, x, turned): image[:, y : y + 12, x : x + 12][..., :: -1 if turned else 1]
            for y in range(5)
            for x in range(5)
            for turned in (False, True)
        }
        found += [place for place, window in windows.items() if np.array_equal(window, changed)]
    assert len(found) == 40
    assert len({place[:2] for place in found}) > 12, "every image has a shift of its own"
    assert 8 < sum(place[2] for place in found) < 32
    assert torch.equal(out, shifted_and_flipped(images, generator(5), margin=2))
