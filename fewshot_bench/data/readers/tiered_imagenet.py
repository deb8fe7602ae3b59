"""tiered-ImageNet: 608 classes of ILSVRC-2012 split by superclass, 351/97/160, 779,165 photographs.

Ren et al. 2018 (arXiv 1803.00676).
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fewshot_bench.data import splits
from fewshot_bench.data.benchmark import (
    SPLITS,
    Benchmark,
    ClassSource,
    ImageItem,
    Layout,
    SplitName,
)
from fewshot_bench.data.pickles import load_pickle
from fewshot_bench.data.readers.common import (
    folder_class,
    holds_split_folders,
    last_only,
    split_folders,
    subfolders,
)
from fewshot_bench.data.readers.hdf5 import has_splits, scan_splits
from fewshot_bench.data.readers.imagenet import (
    MEAN,
    STD,
    class_tars,
    ilsvrc_folder,
    is_ilsvrc,
    tar_items,
)
from fewshot_bench.data.readers.labelled import by_label, is_there
from fewshot_bench.errors import DataError

_IMAGES: dict[SplitName, str] = {split: f"{split}_images_png.pkl" for split in SPLITS}


def _scan_ilsvrc(path: Path) -> list[ClassSource]:
    root = ilsvrc_folder(path) or path
    official = splits.tiered_imagenet()
    return [
        folder_class(wnid, official[wnid], root / wnid)
        for wnid in subfolders(root)
        if wnid in official
    ]


def _scan_tars(path: Path) -> list[ClassSource]:
    official = splits.tiered_imagenet()
    return [
        ClassSource(wnid, official[wnid], functools.partial(tar_items, tar))
        for wnid, tar in class_tars(path).items()
        if wnid in official
    ]


def _scan_pickles(path: Path) -> list[ClassSource]:
    """Classes from the small label files; a split's images are read when its first class is."""
    read = last_only(lambda split: _read_images(path / _IMAGES[split]))
    classes = []
    for split in (split for split, file in _IMAGES.items() if (path / file).is_file()):
        labels, names = _read_labels(path / f"{split}_labels.pkl", split)
        for label, places in sorted(by_label(labels).items()):
            items = functools.partial(_items, read, split, places)
            name = names.get(label, f"{split}-{label:03d}")
            classes.append(ClassSource(name, split, items, named=label in names))
    return classes


def _read_labels(path: Path, split: SplitName) -> tuple[list[int], dict[int, str]]:
    """Label of each image, and label -> WordNet id as far as it can be known.

    Ren et al.'s files describe each class in words, which WordNet makes unique among the 608. The
    files that MetaOptNet distributes under the same names have bare numbers; their classes are
    called ``<split>-<label>``.
    """
    content = load_pickle(path)
    key = next((k for k in ("label_specific", "labels") if k in content), None)
    if not isinstance(content, dict) or key is None:
        raise DataError(f"{path} is not as expected: it has no 'label_specific' and no 'labels'")
    words = [w.decode() if isinstance(w, bytes) else w for w in content.get(f"{key}_str", ())]
    official = splits.tiered_imagenet()
    known = {i: splits.tiered_words().get(" ".join(w.split()), "") for i, w in enumerate(words)}
    names = {label: wnid for label, wnid in known.items() if official.get(wnid) == split}
    return [int(label) for label in content[key]], names


def _items(
    read: Callable[[SplitName], Any], split: SplitName, places: list[int]
) -> list[ImageItem]:
    images = read(split)
    if places[-1] >= len(images):
        raise DataError(f"{_IMAGES[split]} has {len(images)} images, fewer than its labels")
    return [ImageItem(f"{i:06d}", functools.partial(_png, images[i])) for i in places]


def _read_images(path: Path) -> Sequence[Any]:
    content = load_pickle(path)
    if not isinstance(content, list):
        raise DataError(f"{path} is not as expected: it holds no list of PNG images")
    return content


def _png(encoded: Any) -> bytes:
    """OpenCV's encoder swaps blue and red back, so these PNG files have true colours."""
    return encoded if isinstance(encoded, bytes) else np.asarray(encoded, dtype=np.uint8).tobytes()


TIERED_IMAGENET = Benchmark(
    name="tiered-imagenet",
    image_size=84,
    channels=3,
    mean=MEAN,
    std=STD,
    layouts=(
        Layout(
            "{train,val,test}_images_png.pkl and *_labels.pkl (Ren et al.)",
            functools.partial(is_there, _IMAGES),
            _scan_pickles,
        ),
        Layout(
            "torchmeta's {train,val,test}_data.hdf5",
            has_splits,
            functools.partial(scan_splits, splits.tiered_imagenet),
        ),
        Layout(
            "train|val|test/<wnid>/<image>",
            lambda path: holds_split_folders(path, splits.tiered_imagenet()),
            lambda path: split_folders(path, splits.tiered_imagenet()),
        ),
        Layout("ILSVRC-2012 folder (<wnid>/*.JPEG)", is_ilsvrc, _scan_ilsvrc),
        Layout(
            "ILSVRC-2012's tar of each class (<wnid>.tar)",
            lambda p: bool(class_tars(p)),
            _scan_tars,
        ),
    ),
    official=splits.tiered_imagenet,
    howto=(
        "fsbench data prepare tiered-imagenet --source PATH with ILSVRC-2012's train/"
        " or <wnid>.tar, train|val|test/<wnid>/, torchmeta's *_data.hdf5,"
        " or Ren et al.'s *_images_png.pkl and *_labels.pkl"
    ),
)
