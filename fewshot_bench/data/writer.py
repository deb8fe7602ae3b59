"""Writes one store, image after image."""

import dataclasses
import hashlib
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from fewshot_bench.data.benchmark import SPLITS, Benchmark, ClassSource, ImageItem
from fewshot_bench.data.blocks import BlockHasher
from fewshot_bench.data.checks import reject_odd_names
from fewshot_bench.data.duplicates import duplicates
from fewshot_bench.data.images import Decoded, Decoding, decode
from fewshot_bench.data.notices import Notice, Tally, counted
from fewshot_bench.data.store import (
    BLOCKS,
    IMAGES,
    INDEX,
    MANIFEST,
    Manifest,
    fingerprint,
    pixel_hash,
)
from fewshot_bench.data.threads import map_in_chunks
from fewshot_bench.files import disk_errors, dump_json, flush, sha256
from fewshot_bench.reading import understood

MOST_TOGETHER, BYTES_TOGETHER = 16, 256 << 10  # of images that a thread decodes in one go


class StoreWriter:
    """Appends images to one file and collects what the manifest needs.

    Attributes:
        count: images seen so far, damaged ones included.
        corrupt: ``{"class", "key", "reason"}`` of images that could not be decoded.
        empty: names of classes that gave no image.
        deepest: brightest value of the images with 16 bits a value; 0 if there are none.
        read: files that were read.
        tally: what was noticed image by image.
    """

    def __init__(self, benchmark: Benchmark, how: Decoding, folder: Path) -> None:
        self.benchmark, self.how, self.folder = benchmark, how, folder
        self.count = self.deepest = 0
        self.read: set[str] = set()
        self.tally = Tally()
        self.corrupt: list[dict[str, str]] = []
        self.empty: list[str] = []
        self._lines: list[str] = []
        self._raw = hashlib.sha256()
        row = benchmark.channels * how.size**2
        self._blocks = BlockHasher(row)
        self._together = max(1, min(MOST_TOGETHER, BYTES_TOGETHER // row))
        self._classes: dict[str, dict[str, int]] = {split: {} for split in SPLITS}

    def __enter__(self) -> "StoreWriter":
        with disk_errors(str(self.folder)):
            self._file = (self.folder / IMAGES).open("wb")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with disk_errors(str(self.folder)), self._file:  # closing may write too
            if kind is None:
                flush(self._file)

    def add_class(self, source: ClassSource, pool: ThreadPoolExecutor, jobs: int) -> Iterator[int]:
        """Decode and write the images of a class in the order of their keys.

        Args:
            source: the class.
            pool: threads that decode.
            jobs: how many they are.

        Yields:
            ``count`` after each image.
        """
        assert source.split is not None
        with understood(Path(source.name), f"whole class of {self.benchmark.name}"):
            items = sorted(map(_named, source.items()), key=lambda item: item.key)
        self.read.update(item.path for item in items if item.path is not None)
        reject_odd_names(item.key for item in items)
        before = len(self._lines)
        outcomes = map_in_chunks(self._load, items, pool, jobs, self._together)
        for item, outcome in zip(items, outcomes, strict=True):
            self.count += 1
            if isinstance(outcome, str):
                self.corrupt.append({"class": source.name, "key": item.key, "reason": outcome})
            else:
                self._append(source.name, item.key, *outcome)
            yield self.count
        if written := len(self._lines) - before:
            self._classes[source.split][source.name] = written
        else:
            self.empty.append(source.name)

    def _load(self, item: ImageItem) -> tuple[Decoded, str] | str:
        """The image and the hash of the source's own bytes, or what is wrong with the image."""
        try:
            data = item.read()
            raw = sha256(data if isinstance(data, bytes) else np.ascontiguousarray(data).tobytes())
            return decode(data, self.how), raw
        except MemoryError:
            raise
        except Exception as error:  # whatever a strange file makes of its reader, it has a name
            return str(error) or type(error).__name__

    def _append(self, name: str, key: str, image: Decoded, raw: str) -> None:
        pixels = image.pixels
        row = np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes()
        self._blocks.add(row)
        with disk_errors(str(self.folder)):
            self._file.write(row)
        self._lines.append(f"{name}\t{key}\t{pixel_hash(pixels)}")
        self._raw.update(f"{raw}\n".encode())
        self.deepest = max(self.deepest, image.deepest)
        for remark in image.remarks:
            self.tally.add(remark, f"{name}/{key}")

    def finish(self, layout: str, missing: list[str], **facts: Any) -> None:
        """Write the index and, last, the manifest.

        Args:
            layout: the source's.
            missing: official classes that the source did not have.
            facts: further fields of the manifest.
        """
        manifest = self._manifest(layout, sorted({*missing, *self.empty}))
        blocks = self._blocks.digests()
        manifest = dataclasses.replace(manifest, **facts, blocks_sha256=sha256(blocks))
        lines = "".join(f"{line}\n" for line in self._lines)
        table = dump_json(manifest.as_json())
        for name, data in ((INDEX, lines.encode()), (BLOCKS, blocks), (MANIFEST, table)):
            with disk_errors(str(self.folder)), (self.folder / name).open("wb") as file:
                file.write(data)
                flush(file)

    def notices(self) -> list[Notice]:
        """What was noticed in the images: one by one, and copies of each other."""
        split_of = {name: s for s, names in self._classes.items() for name in names}
        return [*self.tally.notices(), *duplicates(self._lines, split_of)]

    def _manifest(self, layout: str, missing: list[str]) -> Manifest:
        b = self.benchmark
        total = sum(map(len, self._classes.values())) + len(missing)
        return Manifest(
            benchmark=b.name,
            image_size=self.how.size,
            channels=b.channels,
            mean=b.mean,
            std=b.std,
            rotations=b.rotations,
            layout=layout,
            preprocessing=self.how.record(),
            classes=self._classes,
            fingerprint=fingerprint(self._lines, len(missing), total),
            raw_sha256=self._raw.hexdigest(),
            skipped=self.corrupt,
            missing=missing,
        )

    def corrupt_message(self) -> str:
        """Counts the damaged images and names the first."""
        first = self.corrupt[0]
        return (
            f"{self.benchmark.name}: {counted(len(self.corrupt), 'images')} damaged or missing, the"
            f" first is {first['class']}/{first['key']} ({first['reason']});"
            " mend them, or leave them out with fsbench data prepare --skip-corrupt"
        )

    def none_left_message(self) -> str:
        """Says that all images are damaged, and names the first."""
        if not self.corrupt:
            return f"{self.benchmark.name}: the source holds no images"
        first, damaged = self.corrupt[0], counted(len(self.corrupt), "images")
        return (
            f"{self.benchmark.name}: no image is left, {damaged} damaged; the first is"
            f" {first['class']}/{first['key']} ({first['reason']})"
        )


def _named(item: ImageItem) -> ImageItem:
    """With its key in Unicode's composed form, so that a copy on another system has the same."""
    if item.key.isascii():
        return item
    return dataclasses.replace(item, key=unicodedata.normalize("NFC", item.key))
