"""The images of one benchmark as a model of other images takes them.

A model has learned from images of one size, number of channels and normalisation. Where those of a
benchmark differ they are brought to these, and the record says so.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from fewshot_bench.data.benchmark import SplitName
from fewshot_bench.data.pool import ImagePool
from fewshot_bench.data.store import ImageStore, Manifest

BLOCK = 256  # images that are resized together
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True)
class Wanted:
    """Images that a model takes.

    Attributes:
        size: side in pixels.
        channels: 1 or 3.
        mean: per channel, of images in [0, 1].
        std: per channel, of images in [0, 1].
    """

    size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, manifest: Manifest) -> "Wanted":
        """The images of a store."""
        return cls(manifest.image_size, manifest.channels, manifest.mean, manifest.std)


@dataclass(frozen=True, eq=False)
class AdaptedStore:
    """A store whose images are changed when a split is opened.

    Attributes:
        source: the store.
        manifest: of the changed images; fingerprint and splits are those of the source, because
            episodes are of the same pictures.
    """

    source: "ImageStore | AdaptedStore"
    manifest: Manifest

    @property
    def splits(self) -> tuple[SplitName, ...]:
        """Of the source."""
        return self.source.splits

    def split(self, name: SplitName) -> ImagePool:
        """One split, its images changed; raises ConfigError if there is none of this name."""
        pool, manifest = self.source.split(name), self.manifest
        pool.check()
        images = resized(with_channels(pool.images, manifest.channels), manifest.image_size)
        return dataclasses.replace(
            pool, images=images, mean=manifest.mean, std=manifest.std, guard=None
        )


def adapted(store: ImageStore | AdaptedStore, wanted: Wanted) -> ImageStore | AdaptedStore:
    """A store as a model that takes other images sees it; the store itself where they are alike."""
    have = Wanted.of(store.manifest)
    if have == wanted:
        return store
    record = dict(store.manifest.preprocessing)
    if have.size != wanted.size:
        record["then_resize"] = (
            f"{wanted.size}x{wanted.size}, bilinear (antialiased), of the stored"
            f" {have.size}x{have.size}"
        )
    if have.channels != wanted.channels:
        record["then_channels"] = "grey by luma" if wanted.channels == 1 else "grey, three times"
    manifest = dataclasses.replace(
        store.manifest,
        image_size=wanted.size,
        channels=wanted.channels,
        mean=wanted.mean,
        std=wanted.std,
        preprocessing=record,
    )
    return AdaptedStore(store, manifest)


def with_channels(images: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """uint8 (n, C, H, W) with so many channels; grey ones are repeated without a copy."""
    have = images.shape[1]
    if have == channels:
        return images
    if channels == 1:
        luma = np.tensordot(images, np.array(LUMA, dtype=np.float32), axes=(1, 0))
        grey: NDArray[np.uint8] = np.rint(luma).astype(np.uint8)[:, None]
        return grey
    shape, strides = list(images.shape), list(images.strides)
    shape[1], strides[1] = channels, 0
    return np.lib.stride_tricks.as_strided(images, shape, strides)


def resized(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """uint8 (n, C, H, W) to (n, C, size, size), bilinear; shrinking averages over the footprint."""
    if images.shape[2:] == (size, size):
        return images
    out = np.empty((*images.shape[:2], size, size), dtype=np.uint8)
    for start in range(0, len(images), BLOCK):
        block = torch.from_numpy(images[start : start + BLOCK]).float()
        small = F.interpolate(block, (size, size), mode="bilinear", antialias=True)
        out[start : start + BLOCK] = small.round().clamp(0, 255).to(torch.uint8).numpy()
    return out
