"""VGG-Flower (Oxford 102): 8,189 photographs of 102 kinds of flowers, 40 to 258 of each.

Nilsback & Zisserman 2008. Classes are drawn at random, 70/15/15 %, near the custom of 71/15/16.
"""

from pathlib import Path

from fewshot_bench.data.benchmark import ClassSource, Layout
from fewshot_bench.data.readers.photographs import (
    class_layouts,
    listed_classes,
    numbered,
    photographs,
)
from fewshot_bench.data.split import RandomSplit
from fewshot_bench.errors import DataError

_LABELS = "imagelabels.mat"


def _is_original(path: Path) -> bool:
    return (path / _LABELS).is_file() and (path / "jpg").is_dir()


def _scan_original(path: Path) -> list[ClassSource]:
    labels = _read_labels(path / _LABELS)
    name_of = numbered(1, 102, 3)
    files = (path / f"jpg/image_{number:05d}.jpg" for number in range(1, len(labels) + 1))
    return listed_classes(
        {file: name_of(str(label)) or "" for file, label in zip(files, labels, strict=True)}
    )


def _read_labels(path: Path) -> list[int]:
    """Class of each image, 1 to 102, in the order of the images' numbers."""
    from scipy.io import loadmat

    try:
        labels = [int(label) for label in loadmat(path)["labels"].ravel()]
    except Exception as error:  # a damaged file makes SciPy raise almost anything
        raise DataError(
            f"{path} is damaged or has no 'labels' ({error}); fetch it again"
        ) from error
    if not labels or not 1 <= min(labels) <= max(labels) <= 102:
        raise DataError(f"{path} is not as expected: its labels are not 1 to 102")
    return labels


VGG_FLOWER = photographs(
    "vgg-flower",
    102,
    [
        Layout("jpg/ and imagelabels.mat", _is_original, _scan_original),
        *class_layouts("<class number>/<image>, also below train|valid|test/", numbered(1, 102, 3)),
    ],
    split=RandomSplit(0.7, 0.15, 0.15),
    howto=(
        "fsbench data prepare vgg-flower --source PATH with jpg/ and imagelabels.mat, or with"
        " folders 1 to 102"
    ),
)
