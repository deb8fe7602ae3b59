"""mini-ImageNet: 100 classes of ILSVRC-2012 with 600 photographs each, 64/16/20.

Vinyals et al. 2016 (arXiv 1606.04080); classes and images as Ravi & Larochelle 2017 chose them.
"""

import csv
import functools
import io
from pathlib import Path
from typing import Any

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
    array_items,
    file_item,
    holds_split_folders,
    image_names,
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
from fewshot_bench.data.readers.labelled import image_array, is_there, labelled_classes
from fewshot_bench.errors import DataError
from fewshot_bench.reading import read_text

_CACHES: dict[SplitName, str] = {split: f"mini-imagenet-cache-{split}.pkl" for split in SPLITS}
_PICKLES: dict[SplitName, str] = {
    "train": "miniImageNet_category_split_train_phase_train.pickle",
    "val": "miniImageNet_category_split_val.pickle",
    "test": "miniImageNet_category_split_test.pickle",
}


def _scan_ilsvrc(path: Path) -> list[ClassSource]:
    root = ilsvrc_folder(path) or path
    official = splits.mini_imagenet()
    return [
        ClassSource(wnid, official[wnid], functools.partial(_listed, root / wnid))
        for wnid in subfolders(root)
        if wnid in official
    ]


def _listed(folder: Path) -> list[ImageItem]:
    """The 600 images of the official list, whether they are there or not."""
    files = {Path(name).stem: name for name in image_names(folder)}
    numbers = splits.mini_imagenet_images()[folder.name].values()
    keys = [f"{folder.name}_{number}" for number in numbers]
    return [file_item(folder / files.get(key, f"{key}.JPEG"), key) for key in keys]


def _scan_tars(path: Path) -> list[ClassSource]:
    official = splits.mini_imagenet()
    return [
        ClassSource(wnid, official[wnid], functools.partial(_listed_in_tar, tar))
        for wnid, tar in class_tars(path).items()
        if wnid in official
    ]


def _listed_in_tar(tar: Path) -> list[ImageItem]:
    """The 600 images of the official list, whether they are there or not."""
    items = {item.key: item for item in tar_items(tar)}
    numbers = splits.mini_imagenet_images()[tar.stem].values()
    keys = [f"{tar.stem}_{number}" for number in numbers]
    return [items.get(key) or file_item(tar.with_name(f"{key}.JPEG"), key) for key in keys]


def _is_ravi(path: Path) -> bool:
    return is_there({split: f"{split}.csv" for split in SPLITS}, path)


def _scan_ravi(path: Path) -> list[ClassSource]:
    images = path / "images" if (path / "images").is_dir() else path
    classes: dict[str, list[str]] = {}
    for split in SPLITS:
        for file, wnid in _ravi_rows(path / f"{split}.csv"):
            classes.setdefault(wnid, []).append(file)
    official = splits.mini_imagenet()
    return [
        ClassSource(wnid, official[wnid], functools.partial(_ravi_items, images, wnid, files))
        for wnid, files in classes.items()
        if wnid in official
    ]


def _ravi_rows(path: Path) -> list[tuple[str, str]]:
    if not path.is_file():
        return []
    try:
        lines = io.StringIO(read_text(path), newline="")
        return [(row["filename"] or "", row["label"] or "") for row in csv.DictReader(lines)]
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV file with columns filename,label ({error})") from error


def _ravi_items(images: Path, wnid: str, files: list[str]) -> list[ImageItem]:
    return [file_item(images / file, _ravi_key(wnid, Path(file).stem)) for file in files]


def _ravi_key(wnid: str, stem: str) -> str:
    """``n0153282900000005`` -> ``n01532829_28``, the same photograph's name in ILSVRC-2012."""
    index = stem.removeprefix(wnid)
    number = splits.mini_imagenet_images()[wnid].get(int(index)) if index.isdecimal() else None
    return stem if number is None else f"{wnid}_{number}"


def _scan_caches(path: Path) -> list[ClassSource]:
    read = last_only(lambda split: _read_cache(path / _CACHES[split]))
    official = splits.mini_imagenet()
    classes = []
    for split in (split for split, file in _CACHES.items() if (path / file).is_file()):
        for wnid in read(split)[1]:
            if official.get(wnid) not in (None, split):
                raise DataError(f"{path / _CACHES[split]}: {wnid} belongs to {official[wnid]}")
            items = functools.partial(_cached, read, split, wnid)
            classes.append(ClassSource(wnid, split, items, named=wnid in official))
    return classes


def _cached(read: Any, split: SplitName, wnid: str) -> list[ImageItem]:
    images, places = read(split)
    return array_items(images, places[wnid])


def _read_cache(path: Path) -> tuple[Any, dict[str, list[int]]]:
    content = load_pickle(path)
    if not isinstance(content, dict) or not {"image_data", "class_dict"} <= set(content):
        raise DataError(f"{path} is not as expected: it has no 'image_data' and 'class_dict'")
    images = image_array(path, content["image_data"])
    places = {name: [int(i) for i in ids] for name, ids in content["class_dict"].items()}
    if any(not 0 <= i < len(images) for ids in places.values() for i in ids):
        raise DataError(f"{path}: class_dict points at images that are not there")
    return images, places


MINI_IMAGENET = Benchmark(
    name="mini-imagenet",
    image_size=84,
    channels=3,
    mean=MEAN,
    std=STD,
    layouts=(
        Layout(
            "mini-imagenet-cache-{train,val,test}.pkl",
            functools.partial(is_there, _CACHES),
            _scan_caches,
        ),
        Layout(
            "MetaOptNet's miniImageNet_category_split_*.pickle",
            functools.partial(is_there, _PICKLES),
            functools.partial(labelled_classes, _PICKLES, splits.mini_imagenet),
        ),
        Layout(
            "torchmeta's {train,val,test}_data.hdf5",
            has_splits,
            functools.partial(scan_splits, splits.mini_imagenet),
        ),
        Layout(
            "images/ with train.csv, val.csv, test.csv (Ravi & Larochelle)", _is_ravi, _scan_ravi
        ),
        Layout(
            "train|val|test/<wnid>/<image>",
            lambda path: holds_split_folders(path, splits.mini_imagenet()),
            lambda path: split_folders(path, splits.mini_imagenet(), _ravi_key),
        ),
        Layout("ILSVRC-2012 folder (<wnid>/<wnid>_<number>.JPEG)", is_ilsvrc, _scan_ilsvrc),
        Layout(
            "ILSVRC-2012's tar of each class (<wnid>.tar)",
            lambda p: bool(class_tars(p)),
            _scan_tars,
        ),
    ),
    official=splits.mini_imagenet,
    howto=(
        "fsbench data prepare mini-imagenet --source PATH with ILSVRC-2012's train/ or"
        " <wnid>.tar, images/ and Ravi & Larochelle's CSV files, train|val|test/<wnid>/,"
        " mini-imagenet-cache-*.pkl, MetaOptNet's pickles or torchmeta's *_data.hdf5"
    ),
)
