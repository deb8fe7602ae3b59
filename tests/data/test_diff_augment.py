"""Augmentation of normalised images."""

import torch

from fewshot_bench.data.diff_augment import augmented, colour_changed, translated

IMAGES = torch.randn(40, 3, 16, 16, generator=torch.Generator().manual_seed(0)).double()


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


def test_the_same_draw_gives_the_same_images():
    first, second, other = (augmented(IMAGES, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.allclose(first, other)
    assert torch.equal(augmented(IMAGES, generator(), share=0.0), IMAGES)


def test_images_move_by_up_to_an_eighth_and_zeros_come_in():
    moved = translated(IMAGES, generator())
    padded = torch.nn.functional.pad(IMAGES, [2] * 4)
    seen = set()
    for before, after in zip(padded, moved, strict=True):
        places = [
            (down, right)
            for down in range(5)
            for right in range(5)
            if torch.equal(before[:, down : down + 16, right : right + 16], after)
        ]
        assert len(places) == 1
        seen.update(places)
    assert {place[0] for place in seen} == {place[1] for place in seen} == set(range(5))


def test_colours_change_within_their_ranges():
    changed = colour_changed(IMAGES, generator())
    shift = (changed.mean(dim=(1, 2, 3)) - IMAGES.mean(dim=(1, 2, 3))).abs()
    assert shift.max() <= 0.5
    assert shift.max() > 0.4
    grey = [x.mean(dim=1).flatten(1).std(dim=1) for x in (changed, IMAGES)]
    contrast = grey[0] / grey[1]
    assert 0.5 <= contrast.min() < 0.6
    assert 1.4 < contrast.max() <= 1.5
    spread = [(x - x.mean(dim=1, keepdim=True)).flatten(1).std(dim=1) for x in (changed, IMAGES)]
    colour = spread[0] / spread[1] / contrast
    assert 0 <= colour.min() < 0.2
    assert 1.8 < colour.max() <= 2


def test_gradients_pass():
    images = IMAGES.clone().requires_grad_()
    [grad] = torch.autograd.grad(augmented(images, generator()).square().sum(), images)
    assert grad.isfinite().all()
    assert grad.abs().max() > 0
