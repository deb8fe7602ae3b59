"""GTSRB: German traffic signs of 43 kinds, 39,209 training images of 1,307 signs.

Stallkamp et al. 2012. Each physical sign was filmed, and its images are called ``<track>_<frame>``.
Only the last frame of a track is taken, where the sign is largest: images of one sign can't be
support and query of one episode. Classes are drawn at random, 60/20/20 %. The official test images
do not tell their tracks and are left out.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from fewshot_bench.data.benchmark import ImageItem
from fewshot_bench.data.readers.photographs import (
    class_layouts,
    merged_items,
    numbered,
    photographs,
)


def _last_frames(root: Path, folders: Sequence[Path]) -> list[ImageItem]:
    """The item with the highest frame number of each track; all whose names tell no track."""
    last: dict[str, ImageItem] = {}
    for item in sorted(merged_items(root, folders), key=lambda item: item.key):
        track, _, frame = item.key.rpartition("_")
        track = track.rpartition("_")[2]  # one archive has the class in front of it
        key = f"{track}_{frame}" if track else item.key
        last[track or key] = dataclasses.replace(item, key=key)
    return list(last.values())


GTSRB = photographs(
    "gtsrb",
    43,
    class_layouts(
        "<class number>/<track>_<frame>.ppm, the last frame of each track",
        numbered(0, 42, 5),
        ("Final_Training/Images", "Training", "Train"),
        _last_frames,
    ),
    howto="fsbench data prepare gtsrb --source PATH with the training images of GTSRB",
)
