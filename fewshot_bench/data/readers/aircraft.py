"""FGVC-Aircraft: 10,000 photographs of 100 variants of aircraft, 100 of each.

Maji et al. 2013 (arXiv 1306.5151). Classes are drawn at random, 70/15/15 %. Images keep the line
with the photographer's name at the bottom.
"""

from collections.abc import Iterator
from pathlib import Path

from fewshot_bench.data.benchmark import ClassSource, Layout
from fewshot_bench.data.readers.photographs import listed_classes, photographs
from fewshot_bench.data.readers.tables import decoded
from fewshot_bench.data.split import RandomSplit
from fewshot_bench.errors import DataError

_LISTS = tuple(f"images_variant_{part}.txt" for part in ("train", "val", "trainval", "test"))


def _matches(path: Path) -> bool:
    return (path / "images").is_dir() and any((path / name).is_file() for name in _LISTS)


def _scan(path: Path) -> list[ClassSource]:
    lists = (path / name for name in _LISTS)
    return listed_classes(
        {
            path / f"images/{number}.jpg": variant
            for file in lists
            if file.is_file()
            for number, variant in _rows(file)
        }
    )


def _rows(file: Path) -> Iterator[tuple[str, str]]:
    """Number of an image and its variant, whose name may hold blanks: ``0034309 DHC-8-100``."""
    for line, text in enumerate(decoded(file).splitlines(), 1):
        number, _, variant = text.strip().partition(" ")
        if not number.isdecimal() or not variant.strip():
            raise DataError(f"{file}, line {line}: a number and a variant are expected")
        yield number, variant.strip()


FGVC_AIRCRAFT = photographs(
    "fgvc-aircraft",
    100,
    [Layout("images/ and images_variant_{trainval,test}.txt", _matches, _scan)],
    split=RandomSplit(0.7, 0.15, 0.15),
    howto=(
        "fsbench data prepare fgvc-aircraft --source PATH with fgvc-aircraft-2013b/ or its archive"
    ),
)
