"""The prepared form of a benchmark: one uint8 array on disk, opened in milliseconds.

A store is a folder with

* ``images.bin``: raw uint8 of shape (n, C, H, W), classes of one split side by side;
* ``store.json``: the manifest, see :class:`fewshot_bench.data.manifest.Manifest`;
* ``images.blocks``: SHA-256 of each block of the array, see :mod:`fewshot_bench.data.blocks`;
* ``images.tsv``: one line per image, ``class <tab> key <tab> sha256 of the decoded pixels``,
  read only by :func:`verify`.

Split and class order are sorted, so image ids follow from the class sizes alone.
"""

import functools
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.benchmark import SPLITS, SplitName
from fewshot_bench.data.blocks import Guard, PartGuard, read_digests
from fewshot_bench.data.manifest import Manifest as Manifest
from fewshot_bench.data.manifest import split_sha256 as split_sha256
from fewshot_bench.data.pool import ImagePool
from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.files import load_json, sha256

IMAGES, MANIFEST, INDEX, BLOCKS = "images.bin", "store.json", "images.tsv", "images.blocks"
_log = logging.getLogger(__name__)


Split = ImagePool  # one split of a benchmark is the pool that its episodes are drawn from


@dataclass(frozen=True, eq=False)
class ImageStore:
    """An opened store.

    Attributes:
        folder: where it lies.
        manifest: what is known of it.
        images: uint8 (n, C, H, W), memory-mapped.
        guard: checks them before they are used; None for a store of an earlier version.
    """

    folder: Path
    manifest: Manifest
    images: NDArray[np.uint8]
    guard: Guard | None = None

    def check(self, rows: NDArray[Any]) -> None:
        """Raise DataError if one of these images is not what was prepared."""
        if self.guard is not None:
            self.guard.check(rows)

    @property
    def splits(self) -> tuple[SplitName, ...]:
        """The splits that have classes; data of a user's own may have no validation classes."""
        return tuple(split for split in SPLITS if self.manifest.classes.get(split))

    def split(self, name: SplitName) -> Split:
        """One split, rotated classes included where the benchmark has them.

        Raises:
            ConfigError: there is no such split, or it has no classes.
        """
        sizes = self.manifest.classes.get(name, {})
        if not sizes:
            have = ", ".join(s for s in SPLITS if self.manifest.classes.get(s)) or "none"
            raise ConfigError(f"{self.manifest.benchmark} has no {name!r} classes; it has: {have}")
        return self._rotated(name) if self.manifest.rotations else self._plain(name)

    def _plain(self, name: SplitName) -> Split:
        before = SPLITS[: SPLITS.index(name)]
        start = sum(sum(self.manifest.classes.get(s, {}).values()) for s in before)
        sizes = self.manifest.classes[name]
        length = sum(sizes.values())
        return Split(
            name=name,
            images=self.images[start : start + length],
            guard=PartGuard(self.guard, start, length) if self.guard else None,
            class_names=tuple(sizes),
            class_sizes=np.array(list(sizes.values()), dtype=np.int64),
            fingerprint=self.manifest.fingerprint,
            mean=self.manifest.mean,
            std=self.manifest.std,
        )

    @functools.lru_cache(maxsize=3)  # noqa: B019 - a store lives as long as the process
    def _rotated(self, name: SplitName) -> Split:
        return self._plain(name).with_rotations()


def open_store(folder: Path) -> ImageStore:
    """Open a prepared store.

    Raises:
        DataError: it is missing, damaged, of a newer schema, or its splits share classes.
    """
    manifest = Manifest.from_json(load_json(folder / MANIFEST), folder / MANIFEST)
    names = [name for sizes in manifest.classes.values() for name in sizes]
    if len(set(names)) != len(names):
        raise DataError(f"{folder}: a class stands in two splits; prepare the data again")
    path = folder / IMAGES
    expected = int(np.prod(manifest.shape))
    if not expected:
        raise DataError(f"{folder} holds no images; prepare the data again")
    if not path.is_file() or path.stat().st_size != expected:
        raise DataError(f"{path} is damaged: {expected} bytes expected; prepare the data again")
    # Copy-on-write: the file stays untouched, yet torch may wrap the array without a copy.
    images = np.memmap(path, dtype=np.uint8, mode="c", shape=manifest.shape)
    return ImageStore(folder, manifest, images, _guard(path, images, manifest))


def _guard(path: Path, images: NDArray[np.uint8], manifest: Manifest) -> Guard | None:
    folder = path.parent
    if not manifest.blocks_sha256:
        _remark(folder)
        return None
    try:
        digests = read_digests(folder / BLOCKS, manifest.blocks_sha256)
        return Guard(path, images, digests, "prepare the data again")
    except DataError as error:
        raise DataError(f"{error}; prepare the data again") from error


@functools.cache
def _remark(folder: Path) -> None:
    _log.warning(
        "fsbench: note: an earlier version prepared %s, without the hashes by which damage is found"
        " when images are used; fsbench data verify adds them",
        folder,
    )


def fingerprint(lines: list[str], missing: int, total: int) -> str:
    """Identity of a data set as models see it.

    Args:
        lines: ``"class <tab> key <tab> sha256 of the decoded HWC uint8 pixels"`` of every image.
        missing: official classes that are absent.
        total: official classes in all.

    Returns:
        SHA-256 over the sorted lines; a partial data set says so at the end.
    """
    digest = sha256(*(f"{line}\n".encode() for line in sorted(lines)))
    return f"{digest}-partial-{total - missing}-of-{total}" if missing else digest


def pixel_hash(image: NDArray[np.uint8]) -> str:
    """SHA-256 of one image of shape (H, W, C)."""
    return sha256(np.ascontiguousarray(image).tobytes())


def index_lines(store: ImageStore) -> list[str]:
    """One line for each image, ``class <tab> key <tab> hash``, in id order.

    Raises:
        DataError: the index can't be read.
    """
    try:
        return (store.folder / INDEX).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{store.folder / INDEX} can't be read; prepare the data again") from error
