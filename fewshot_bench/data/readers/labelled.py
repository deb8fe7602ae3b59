"""Pickles that hold ``data`` and integer ``labels``, one file per split, as MetaOptNet's.

Files of mini-ImageNet tell the names of their classes (``catname2label``), others do not. For
CIFAR-100 the labels are usually the places of the classes in alphabetical order; that is believed
only where the labels of a split are exactly those of its official classes. Otherwise the classes
are called ``<split>-<label>``: the images and splits are the same, but classes can't be told apart
by name, and the fingerprint differs from that of other layouts.
"""

import collections
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fewshot_bench.data.benchmark import ClassSource, ImageItem, SplitName
from fewshot_bench.data.pickles import load_pickle
from fewshot_bench.data.readers.common import array_items, last_only
from fewshot_bench.data.splits import Classes
from fewshot_bench.errors import DataError


def is_there(files: Mapping[SplitName, str], path: Path) -> bool:
    """Whether a folder holds at least one of the files."""
    return any((path / file).is_file() for file in files.values())


def labelled_classes(
    files: Mapping[SplitName, str], official: Callable[[], Classes], path: Path
) -> list[ClassSource]:
    """Classes of the splits whose file is there; only one file is held at a time.

    Raises:
        DataError: a file holds no ``data`` and ``labels`` of equal length.
    """
    read = last_only(lambda split: _read(path / files[split]))
    classes = []
    for split in (split for split, file in files.items() if (path / file).is_file()):
        _, every, _, told = read(split)
        labels = sorted(set(every))
        names = _right(told, split, official()) or class_names(labels, split, official())
        classes += [
            ClassSource(
                names.get(label, f"{split}-{label:03d}"),
                split,
                functools.partial(_items, read, split, label),
                named=label in names,
            )
            for label in labels
        ]
    return classes


def _right(told: Mapping[int, str], split: SplitName, official: Classes) -> Mapping[int, str]:
    """Label -> class as the file tells it, without what is no official class of the split."""
    return {label: name for label, name in told.items() if official.get(name) == split}


def class_names(labels: Sequence[int], split: SplitName, official: Classes) -> dict[int, str]:
    """Label -> class, if the labels are the alphabetical places of the split's classes, else {}."""
    places = {place: name for place, name in enumerate(sorted(official)) if official[name] == split}
    return places if set(labels) == set(places) else {}


def by_label(labels: Sequence[int]) -> dict[int, list[int]]:
    """Label -> places of its images."""
    places: dict[int, list[int]] = collections.defaultdict(list)
    for place, label in enumerate(labels):
        places[label].append(place)
    return places


def _items(read: Callable[[SplitName], Any], split: SplitName, label: int) -> list[ImageItem]:
    images, _, places, _ = read(split)
    return array_items(images, places[label])


def _read(path: Path) -> tuple[Any, list[int], dict[int, list[int]], dict[int, str]]:
    """Images, label of each, label -> places of its images, and label -> name if the file tells."""
    content = load_pickle(path)
    if not isinstance(content, dict) or not {"data", "labels"} <= set(content):
        raise DataError(f"{path} is not as expected: it has no 'data' and 'labels'")
    images, labels = image_array(path, content["data"]), [int(label) for label in content["labels"]]
    if len(images) != len(labels):
        raise DataError(f"{path}: {len(images)} images, but {len(labels)} labels")
    names = {int(label): name for name, label in (content.get("catname2label") or {}).items()}
    return images, labels, by_label(labels), names


def image_array(path: Path, images: Any) -> Any:
    """Check that a pickle holds uint8 images of shape (n, H, W, 3)."""
    array = np.asarray(images)
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[-1] != 3:
        raise DataError(
            f"{path}: expected uint8 images (n, H, W, 3), found {array.dtype} {array.shape}"
        )
    return array
