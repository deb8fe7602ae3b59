"""What episodes are drawn from: classes of known sizes, and images or features with these ids.

Ids count the items class by class, so they follow from the class sizes alone. Samplers need no more
than a :class:`Pool`; loaders need an :class:`ImagePool` or a :class:`FeaturePool`.
"""

import dataclasses
import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.blocks import PartGuard
from fewshot_bench.errors import DataError
from fewshot_bench.files import sha256

ROTATED, ROTATIONS = "+rotations", 4  # end of a fingerprint with turned copies; how often


@dataclass(frozen=True, eq=False)
class Pool:
    """Classes and how many items each has.

    Attributes:
        name: ``train``, ``val`` or ``test``.
        class_names: C names.
        class_sizes: int64 (C,), items of each class; ids of class c start at ``class_starts[c]``.
        fingerprint: identity of the data.
        guard: checks items on disk before they are used; None where they are in memory.
    """

    name: str
    class_names: tuple[str, ...]
    class_sizes: NDArray[np.int64]
    fingerprint: str
    guard: PartGuard | None = field(default=None, kw_only=True)

    def check(self, items: NDArray[Any] | None = None) -> None:
        """Raise DataError if items with these ids, or any, are not what was once written."""
        if self.guard is not None:
            self.guard.check(items)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def source_fingerprint(self) -> str:
        """What episode lists follow from: the images' identity, whatever is made of them."""
        return self.fingerprint

    @functools.cached_property
    def class_starts(self) -> NDArray[np.int64]:
        """int64 (C,): id of the first item of each class."""
        return np.cumsum(self.class_sizes) - self.class_sizes

    @functools.cached_property
    def labels(self) -> NDArray[np.int64]:
        """int64 (n,): class id of each item."""
        return np.repeat(np.arange(self.n_classes), self.class_sizes)

    def __len__(self) -> int:
        return int(self.class_sizes.sum())


@dataclass(frozen=True, eq=False)
class ImagePool(Pool):
    """One split of a benchmark.

    Attributes:
        images: uint8 (n, C, H, W), memory-mapped where that is possible, sorted by class.
        mean: per channel, of images in [0, 1].
        std: per channel, of images in [0, 1].
    """

    images: NDArray[np.uint8]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def with_rotations(self) -> "ImagePool":
        """The pool with every class turned by 0, 90, 180 and 270 degrees, four times the classes.

        Class ``r * C + c`` is class c turned by r quarter turns; image ids follow the same rule,
        so ``id % n`` is the drawing that an id comes from. The result lives in memory.
        """
        self.check()
        turned = [np.rot90(self.images, turns, axes=(2, 3)) for turns in range(ROTATIONS)]
        return dataclasses.replace(
            self,
            images=np.concatenate(turned),
            class_names=tuple(
                f"{n}/rot{90 * t:03d}" for t in range(ROTATIONS) for n in self.class_names
            ),
            class_sizes=np.tile(self.class_sizes, ROTATIONS),
            fingerprint=f"{self.fingerprint}{ROTATED}",
            guard=None,
        )


@dataclass(frozen=True, eq=False)
class FeaturePool(Pool):
    """Features of the images of a split, computed before.

    Results on features of two embeddings are of the same episodes, because lists are drawn by the
    identity of the images; what is measured has the ``fingerprint``, which names the embedding too.

    Attributes:
        features: float32 or float16 (n, D), in the order of the images; (n, C, H, W) where they
            are activations of a network's stage.
        images_fingerprint: identity of the images.
    """

    features: NDArray[np.float32] | NDArray[np.float16]
    images_fingerprint: str

    @property
    def source_fingerprint(self) -> str:
        """Identity of the images."""
        return self.images_fingerprint

    @classmethod
    def of(
        cls, pool: Pool, features: NDArray[np.float32] | NDArray[np.float16], embedding: str
    ) -> "FeaturePool":
        """The features of a pool's images.

        Args:
            pool: where the images are.
            features: (n, D), one row per image.
            embedding: identity of what computed them, for instance the hash of its parameters.

        Raises:
            DataError: the array has another type or number of rows.
        """
        if features.dtype not in (np.float32, np.float16) or features.ndim != 2:
            raise DataError(
                f"features are float32 or float16 of shape (images, D), not {features.dtype} of"
                f" shape {features.shape}"
            )
        if len(features) != len(pool):
            raise DataError(f"{len(features)} features do not fit the {len(pool)} images of a pool")
        source = pool.source_fingerprint
        return cls(
            name=pool.name,
            class_names=pool.class_names,
            class_sizes=pool.class_sizes,
            fingerprint=sha256(f"features/{source}/{embedding}".encode()),
            features=features,
            images_fingerprint=source,
        )
