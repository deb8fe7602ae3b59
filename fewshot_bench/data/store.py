"""The prepared form of a benchmark: one uint8 array on disk, opened in milliseconds.

A store is a folder with

* ``images.bin``: raw uint8 of shape (n, C, H, W), classes of one split side by side;
* ``store.json``: the manifest, see :class:`Manifest`;
* ``images.tsv``: one line per image, ``class <tab> key <tab> sha256 of the decoded pixels``,
  read only by :func:`verify`.

Split and class order are sorted, so image ids follow from the class sizes alone.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.benchmark import SPLITS, SplitName
from fewshot_bench.data.pool import ImagePool
from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.files import load_json, sha256

SCHEMA = 1
IMAGES, MANIFEST, INDEX = "images.bin", "store.json", "images.tsv"


@dataclass(frozen=True)
class Manifest:
    """What is known of a store.

    Attributes:
        benchmark: registered name, or ``folder:<name>``.
        image_size: side in pixels.
        channels: 1 or 3.
        mean: per channel, of images in [0, 1].
        std: per channel, of images in [0, 1].
        rotations: see :class:`fewshot_bench.data.benchmark.Benchmark`.
        layout: the layout it was read from.
        preprocessing: how pixels were decided, see :func:`fewshot_bench.data.images.preprocessing`.
        classes: split -> class name -> number of images, both in id order.
        fingerprint: see :func:`fingerprint`.
        raw_sha256: over the source files' own bytes, in the same order: tells decoder drift from
            different data.
        skipped: ``{"class", "key", "reason"}`` of damaged images left out on request.
        missing: names of official classes that the source did not have.
        notices: what a user should hear of, see :class:`fewshot_bench.data.notices.Notice`.
        split: the rule that drew the split at random, or None where the source or a list tells it.
        options: how the user wanted it prepared, see :class:`fewshot_bench.data.prepare.Options`.
    """

    benchmark: str
    image_size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    rotations: bool
    layout: str
    preprocessing: dict[str, Any]
    classes: dict[str, dict[str, int]]
    fingerprint: str
    raw_sha256: str
    skipped: list[dict[str, str]]
    missing: list[str]
    notices: list[dict[str, Any]] = field(default_factory=list)
    split: dict[str, Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the whole array: (n, C, H, W)."""
        n = sum(sum(sizes.values()) for sizes in self.classes.values())
        return (n, self.channels, self.image_size, self.image_size)

    @property
    def split_sha256(self) -> str:
        """Which class is in which split, see :func:`split_sha256`.

        The fingerprint is over the images alone: it stays where a class changes its split.
        """
        return split_sha256(self.classes)

    def as_json(self) -> dict[str, Any]:
        """The form written to ``store.json``."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any], where: Path) -> "Manifest":
        """Read it back; raises DataError for a newer schema or missing fields."""
        try:
            if value.get("schema", 0) > SCHEMA:
                raise DataError(
                    f"{where} was written by a newer fewshot_bench; update it or prepare again"
                )
            tuples = {key: tuple(value[key]) for key in ("mean", "std")}
            return cls(**{**value, **tuples})
        except (AttributeError, KeyError, TypeError) as error:
            raise DataError(f"{where} is not a store manifest; prepare the data again") from error


def split_sha256(classes: Mapping[str, Iterable[str]]) -> str:
    """Identity of the assignment of all classes to splits.

    Args:
        classes: split -> names of its classes, in any order.

    Returns:
        SHA-256 over the sorted lines ``split <tab> class``.
    """
    lines = sorted(f"{split}\t{name}\n" for split, names in classes.items() for name in names)
    return sha256(*(line.encode() for line in lines))


Split = ImagePool  # one split of a benchmark is the pool that its episodes are drawn from


@dataclass(frozen=True, eq=False)
class ImageStore:
    """An opened store.

    Attributes:
        folder: where it lies.
        manifest: what is known of it.
        images: uint8 (n, C, H, W), memory-mapped.
    """

    folder: Path
    manifest: Manifest
    images: NDArray[np.uint8]

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
        return Split(
            name=name,
            images=self.images[start : start + sum(sizes.values())],
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
    return ImageStore(folder, manifest, images)


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


def verify(store: ImageStore) -> list[str]:
    """Hash every image again and compare with the index.

    Returns:
        One line per difference, at most 20 and then a count; empty if all is well.
    """
    differences = list(_differences(store))
    shown = differences[:20]
    return shown if len(differences) <= 20 else [*shown, f"... {len(differences) - 20} more"]


def index_lines(store: ImageStore) -> list[str]:
    """One line for each image, ``class <tab> key <tab> hash``, in id order.

    Raises:
        DataError: the index can't be read.
    """
    try:
        return (store.folder / INDEX).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{store.folder / INDEX} can't be read; prepare the data again") from error


def _differences(store: ImageStore) -> Iterator[str]:
    lines = index_lines(store)
    if len(lines) != len(store.images):
        yield f"{len(lines)} images in the index, {len(store.images)} in the array"
    for number, (line, image) in enumerate(zip(lines, store.images, strict=False), 1):
        if line.count("\t") != 2:
            yield f"line {number} of the index is damaged"
            continue
        name, key, expected = line.split("\t")
        if pixel_hash(image.transpose(1, 2, 0)) != expected:
            yield f"{name} {key}: the pixels are not those that were prepared"
    manifest = store.manifest
    total = sum(map(len, manifest.classes.values())) + len(manifest.missing)
    if fingerprint(lines, len(manifest.missing), total) != manifest.fingerprint:
        yield "the index does not have the fingerprint of the manifest"
