"""ILSVRC-2012, the source of mini- and tiered-ImageNet."""

import functools
import os
import re
import tarfile
from pathlib import Path

from fewshot_bench.data.benchmark import ImageItem
from fewshot_bench.data.readers.common import IMAGE_SUFFIXES, first_folder
from fewshot_bench.errors import DataError

_WNID = re.compile(r"n\d{8}")
_PLACES = (".", "train", "ILSVRC/Data/CLS-LOC/train", "Data/CLS-LOC/train", "CLS-LOC/train")


def ilsvrc_folder(path: Path) -> Path | None:
    """The folder that holds ``<wnid>/`` folders: ``path``, its train/, or train/ deeper down."""
    return first_folder(path, _PLACES, _holds_wnids)


def is_ilsvrc(path: Path) -> bool:
    """Whether there is such a folder."""
    return ilsvrc_folder(path) is not None


def _holds_wnids(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    with os.scandir(folder) as entries:
        return any(_WNID.fullmatch(entry.name) and entry.is_dir() for entry in entries)


def class_tars(path: Path) -> dict[str, Path]:
    """WordNet id -> ``<wnid>.tar``, for those in the folder itself or in one of the usual places.

    Such a tar holds the JPEG files of a class; ILSVRC2012_img_train.tar holds nothing but them.
    """
    folder = first_folder(path, _PLACES, lambda place: bool(_tars(place)))
    return {tar.stem: tar for tar in _tars(folder)} if folder else {}


def _tars(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [tar for tar in sorted(folder.glob("n*.tar")) if _WNID.fullmatch(tar.stem)]


def tar_items(tar: Path) -> list[ImageItem]:
    """Images of a tar, keyed by file name without suffix, read out of it when they are decoded.

    Raises:
        DataError: it is damaged.
    """
    try:
        with tarfile.open(tar, "r:") as content:
            files = [member for member in content if member.isfile()]
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{tar} is truncated or damaged ({error}); fetch it again") from error
    return [
        ImageItem(
            Path(file.name).stem,
            functools.partial(_piece, tar, file.offset_data, file.size),
            str(tar),
        )
        for file in files
        if file.name.lower().endswith(IMAGE_SUFFIXES)
    ]


def _piece(path: Path, start: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(size)


MEAN = (0.4721, 0.4533, 0.4100)  # of mini-ImageNet's training images, as in MetaOptNet's code
STD = (0.2772, 0.2678, 0.2845)
