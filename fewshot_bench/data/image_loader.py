"""Mini-batches of single images with the labels of their classes, for ordinary classification."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.random import SeedSequence
from torch import Tensor

from fewshot_bench.data.store import Split
from fewshot_bench.data.transforms import (
    Normalise,
    colour_jitter,
    random_resized_crop,
    shifted_and_flipped,
)

Augmentation = Literal["none", "shift", "strong"]


@dataclass(frozen=True, eq=False)
class ImageBatch:
    """B images.

    Attributes:
        images: float32 (B, C, H, W), normalised.
        labels: int64 (B,), class ids of the split.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


class ImageLoader:
    """Shuffled mini-batches of a split, the same for the same seed and step whatever came before.

    Args:
        split: whose images.
        batch: images per batch; the last images of a pass that do not fill one are left out.
        seed: of the order and of the augmentation.
        augment: ``shift`` moves by up to 4 pixels and flips; ``strong`` cuts out rectangles, flips
            and jitters brightness, contrast and colour.
        device: where batches are delivered.
    """

    def __init__(
        self,
        split: Split,
        batch: int,
        seed: int,
        *,
        augment: Augmentation = "strong",
        device: torch.device | str = "cpu",
    ) -> None:
        self.n_classes, self.device = split.n_classes, torch.device(device)
        self._images, self._check = torch.from_numpy(split.images), split.check
        self._labels = torch.from_numpy(split.labels)
        self._batch, self._seed, self._augment = min(batch, len(self._labels)), seed, augment
        self._normalise = Normalise(split.mean, split.std, self.device)

    @property
    def batch(self) -> int:
        """Images of each batch."""
        return self._batch

    def batches(self, start: int, stop: int, *, rows: slice = slice(None)) -> Iterator[ImageBatch]:
        """Batches start, ..., stop - 1; of each the images of these rows."""
        per_pass = len(self._labels) // self._batch
        for first in range(start - start % per_pass, stop, per_pass):
            order = self._order(first // per_pass)
            for step in range(max(start, first), min(stop, first + per_pass)):
                chosen = order[(step - first) * self._batch :][: self._batch]
                whole = self.load(chosen, step)  # augmented as a whole, so as nobody shared it
                yield ImageBatch(whole.images[rows], whole.labels[rows])

    def load(self, rows: Tensor, step: int) -> ImageBatch:
        """Images of these rows as step number ``step`` sees them."""
        self._check(rows.numpy())
        images = self._images[rows].to(self.device)
        if self._augment != "none":
            generator = torch.Generator().manual_seed(self._key(1, step))
            change = shifted_and_flipped if self._augment == "shift" else _strongly
            images = change(images, generator)
        return ImageBatch(self._normalise(images), self._labels[rows].to(self.device))

    def _order(self, number: int) -> Tensor:
        generator = torch.Generator().manual_seed(self._key(0, number))
        return torch.randperm(len(self._labels), generator=generator)

    def _key(self, purpose: int, number: int) -> int:
        """A seed of its own for each purpose and number."""
        sequence = SeedSequence([self._seed, purpose, number])
        return int(sequence.generate_state(1, np.uint64)[0] >> 1)


def _strongly(images: Tensor, generator: torch.Generator) -> Tensor:
    """Augment uint8 images; values stay in [0, 255], as floats."""
    scaled = random_resized_crop(images.float() / 255, generator)
    return 255 * colour_jitter(scaled, generator)
