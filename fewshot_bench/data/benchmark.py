"""What a benchmark is made of: where its images come from and how they become arrays.

A reader file (``readers/<name>.py``) holds one :class:`Benchmark`. Its layouts say which folders
people really have on disk; :mod:`fewshot_bench.data.prepare` does the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.split import DEFAULT_SPLIT, RandomSplit
from fewshot_bench.data.split import SPLITS as SPLITS
from fewshot_bench.data.split import SplitName as SplitName

Encoded = bytes | NDArray[np.uint8]


@dataclass(frozen=True)
class ImageItem:
    """One image of a source.

    Attributes:
        key: stable name inside its class, part of the fingerprint; never an absolute path.
        read: returns either an encoded file's bytes (PNG, JPEG, ...) or a decoded uint8 array of
            shape (H, W) or (H, W, 3).
        path: the file it is, where it is a file of its own; tells what of a source was not read.
            As text, which takes a fifth of the memory of a Path.
    """

    key: str
    read: Callable[[], Encoded]
    path: str | None = None


@dataclass(frozen=True)
class ClassSource:
    """One class of a source.

    Attributes:
        name: class name in the benchmark's official list (a wnid, ``Greek/character01``, ...).
        split: where the official list puts it; None where neither a list nor the source says it
            (``prepare`` draws the split then).
        items: returns the images; called once, when the class's turn has come, so that a source
            in one big pickle needs to hold a single split at a time.
        named: False where the source does not tell which official class this is; ``name`` is then
            made up, and ``prepare`` can only count the classes of the split.
    """

    name: str
    split: SplitName | None
    items: Callable[[], Sequence[ImageItem]]
    named: bool = True


@dataclass(frozen=True)
class Layout:
    """One way in which a data set lies on people's disks.

    Attributes:
        name: how it is called in messages, for instance ``"ILSVRC-2012 folder (<wnid>/*.JPEG)"``.
        matches: quick look at a folder or file: is this the layout?
        scan: lists the classes found there; extra classes must be left out, missing ones too
            (``prepare`` compares with the official list).
        last_resort: tried only where no other layout is found in the folder or deeper.
    """

    name: str
    matches: Callable[[Path], bool]
    scan: Callable[[Path], list[ClassSource]]
    last_resort: bool = False


@dataclass(frozen=True)
class Download:
    """A primary archive.

    Attributes:
        url: its address.
        checksum: ``"md5:..."`` or ``"sha256:..."``.
        size: in bytes.
    """

    url: str
    checksum: str
    size: int

    @property
    def file_name(self) -> str:
        """Last part of the address."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Benchmark:
    """A named data set, with its official class split if it has one.

    Attributes:
        name: registered name.
        image_size: default side length in pixels; images are resized to a square.
        channels: 1 (grey) or 3 (RGB).
        mean: per channel, of images scaled to [0, 1].
        std: per channel, of images scaled to [0, 1].
        layouts: tried in this order on the path the user gives.
        official: returns class name -> split, or None where the source itself decides.
        generate: lists the classes of a benchmark that is made, not read (``glyphs``).
        downloads: primary archives, fetched when no source is given.
        invert: store 255 - value, so that ink is bright and the background is zero.
        upright: follow the orientation tags of photographs; off where the published preparation of
            a data set does not.
        n_classes: how many classes the whole data set has, where no official list tells.
        split: the rule for classes whose source does not tell their split.
        rotations: every class also appears turned by 90, 180 and 270 degrees, as further classes.
        howto: one line for people who have not prepared it yet.
    """

    name: str
    image_size: int
    channels: Literal[1, 3]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    layouts: tuple[Layout, ...] = ()
    official: Callable[[], Mapping[str, SplitName]] | None = None
    generate: Callable[[], list[ClassSource]] | None = None
    downloads: tuple[Download, ...] = ()
    invert: bool = False
    upright: bool = False
    n_classes: int | None = None
    split: RandomSplit = DEFAULT_SPLIT
    rotations: bool = False
    howto: str = ""

    @property
    def is_open(self) -> bool:
        """Whether any classes are right, as in a user's own folder."""
        return self.official is None and self.n_classes is None
