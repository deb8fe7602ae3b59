"""Large data: many classes, long lists and many images, and what the hashes of blocks cost.

    python benchmarks/data_scale.py [--quick] [--files FOLDER] [--out FILE]

Makes its own images: a folder of 20,000 classes of 20 files, a table of a million rows, and arrays of
a thousand and of a million images of 32 pixels. ``--quick`` takes a hundredth of each. Files that
``--files`` names are kept, and taken the next time.
"""

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fewshot_bench.data.episodes import Task
from fewshot_bench.data.library import make, open_benchmark
from fewshot_bench.data.prepare import Options
from fewshot_bench.data.readers.listed import scan_list

SIZE = 8  # pixels of the many classes: as few as are decoded at all
TASK = Task(5, 1, 15)
REPEATS = 5


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        what: was measured.
        value: of it.
        unit: behind it.
        goal: the largest value that is wanted; the smallest for a ratio of speeds.
    """

    what: str
    value: float
    unit: str
    goal: str


def encoded(number: int) -> bytes:
    """A PNG file unlike all others."""
    random = np.random.Generator(np.random.Philox(number))
    file = io.BytesIO()
    pixels = random.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, format="png", compress_level=1)
    return file.getvalue()


def many_classes(root: Path, classes: int, images: int) -> Path:
    """A folder of that many classes, unless it is there."""
    done = root / f"{classes}x{images}"
    if not done.is_dir():
        draft = root / "draft"
        for name in range(classes):
            folder = draft / f"class{name:05d}"
            folder.mkdir(parents=True)
            for image in range(images):
                (folder / f"{image:02d}.png").write_bytes(encoded(name * images + image))
        draft.rename(done)
    return done


def long_table(root: Path, n_rows: int) -> Path:
    """A table of so many images, which need not be there to be listed."""
    path = root / f"rows{n_rows}.csv"
    splits = ("train", "val", "test")
    with path.open("w", encoding="utf-8") as file:
        file.write("path,class,split\n")
        for row in range(n_rows):
            name = row // 50
            file.write(f"images/class{name:05d}/{row:07d}.png,class{name:05d},{splits[name % 3]}\n")
    return path


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def preparing(root: Path, classes: int) -> Iterator[Line]:
    """The folder is prepared and opened again, by path."""
    folder = many_classes(root, classes, 20)
    spec = f"folder:{folder}"
    took = seconds(lambda: make(spec, None, Options(image_size=SIZE)))
    yield Line(f"prepare {classes:,} classes x 20 images", took, "s", "< 60")
    took = min(seconds(lambda: open_benchmark(spec, SIZE)) for _ in range(REPEATS))
    yield Line(f"open it again, {classes * 20:,} files unchanged", took, "s", "< 0.5")


def listing(root: Path, n_rows: int) -> Iterator[Line]:
    """The table is read in a process of its own, whose memory is counted."""
    table = long_table(root, n_rows)
    done = subprocess.run(
        [sys.executable, __file__, "--list", table], capture_output=True, text=True, check=True
    )
    took, most = map(float, done.stdout.split())
    yield Line(f"list a table of {n_rows:,} rows", took, "s", "< 20")
    yield Line("its memory at most", most, "MB", "< 500")


def list_one(table: Path) -> None:
    """What the process does: print seconds and megabytes."""
    took = seconds(lambda: [source.items() for source in scan_list(table)])
    print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a hundredth of everything")
    parser.add_argument("--files", type=Path, help="where to keep the generated files")
    parser.add_argument("--list", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.list:
        list_one(chosen.list)
        return
    part = 100 if chosen.quick else 1
    with tempfile.TemporaryDirectory() as scratch:
        root = chosen.files or Path(scratch)
        root.mkdir(parents=True, exist_ok=True)
        os.environ["FSBENCH_CACHE"] = str(Path(scratch, "cache"))
        for lines in (preparing(root, 20_000 // part), listing(root, 1_000_000 // part)):
            for line in lines:
                print(f"| {line.what} | {line.value:.3g} {line.unit} | {line.goal} |", flush=True)


if __name__ == "__main__":
    main()
