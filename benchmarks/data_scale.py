"""Large data: many classes, long lists and many images, and what the hashes of blocks cost.

    python benchmarks/data_scale.py [--quick] [--files FOLDER]

Makes its own images: a folder of 20,000 classes of 20 files, a table of a million rows, and arrays
of a thousand and of a million images of 32 pixels. ``--quick`` takes a hundredth of each. Files are
kept where ``--files`` says, and taken the next time. Beside the time on the clock stands that of
the processor, which is what a busy machine leaves as it is.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 8  # pixels of the many classes: as few as are decoded at all
REPEATS = 5
LISTED = """
import resource, sys
from pathlib import Path
from fewshot_bench.data.readers.listed import scan_list
images = sum(len(source.items()) for source in scan_list(Path(sys.argv[1])))
used = resource.getrusage(resource.RUSAGE_SELF)
print(images, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        what: was measured.
        clock: the value, of seconds those of the clock.
        processor: seconds of the processor; None for what is no time.
        unit: behind the value.
        goal: for the value.
    """

    what: str
    clock: float
    processor: float | None
    unit: str
    goal: str

    def __str__(self) -> str:
        busy = "" if self.processor is None else f"{self.processor:.3g}"
        return f"| {self.what} | {self.clock:.3g} {self.unit} | {busy} | {self.goal} |"


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


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """How long some work takes by the clock, and of the processor."""
    begin, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begin, time.process_time() - busy


def preparing(root: Path, classes: int) -> Iterator[Line]:
    """The folder is prepared and opened again, by path."""
    from fewshot_bench.data.library import make, open_benchmark
    from fewshot_bench.data.prepare import Options

    folder = many_classes(root, classes, 20)
    spec = f"folder:{folder}"
    took = seconds(lambda: make(spec, None, Options(image_size=SIZE)))
    yield Line(f"prepare {classes:,} classes x 20 images", *took, "s", "< 60 s")
    took = min(seconds(lambda: open_benchmark(spec, SIZE)) for _ in range(REPEATS))
    yield Line(f"open it again, {classes * 20:,} files", *took, "s", "< 0.5 s")


def listing(root: Path, n_rows: int) -> Iterator[Line]:
    """The table is read in a process of its own, whose memory is counted."""
    command = [sys.executable, "-c", LISTED, str(long_table(root, n_rows))]
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    clock = time.perf_counter() - begin
    _, busy, most = map(float, done.stdout.split())
    yield Line(f"list a table of {n_rows:,} rows", clock, busy, "s", "< 20 s")
    yield Line("its memory at most", most, None, "MB", "< 500 MB")


def sampling(root: Path, most: int) -> Iterator[Line]:
    """Episodes of a thousand images and of many, from a file that is mapped into memory."""
    from fewshot_bench.data.episodes import Task
    from fewshot_bench.data.loader import EpisodeLoader
    from fewshot_bench.data.pool import ImagePool
    from fewshot_bench.data.samplers.uniform import UniformSampler

    rates = {}
    for n in (1000, most):
        path = root / f"images{n}.bin"
        images = np.memmap(path, np.uint8, "w+", shape=(n, 3, 32, 32))
        sizes = np.full(n // 50, 50)
        names = tuple(map(str, range(len(sizes))))
        pool = ImagePool("train", names, sizes, "x", images=images, mean=(0.5,) * 3, std=(0.2,) * 3)
        sampler = UniformSampler(pool, Task(5, 1, 15))
        loader = EpisodeLoader(sampler)
        for what, draw in (("sampled", sampler), ("loaded", loader.load)):
            work = lambda draw=draw: [draw(first, 64) for first in range(0, 640, 64)]  # noqa: E731
            work()  # pages of a new file are made when they are touched
            rates[what, n] = 640 / min(seconds(work)[1] for _ in range(REPEATS))
    for what in ("sampled", "loaded"):
        ratio = rates[what, most] / rates[what, 1000]
        yield Line(f"episodes {what} of {most:,} against 1,000 images", ratio, None, "x", "about 1")


def hashing(n: int) -> Iterator[Line]:
    """An evaluation of 600 episodes on 12,000 images hashes each once and embeds 48,000."""
    import torch

    from fewshot_bench.data.blocks import block_digests

    images = np.random.Generator(np.random.Philox(1)).integers(0, 256, (n, 3, 84, 84), np.uint8)
    network = torch.nn.Sequential(*(_block(c) for c in (3, 64, 64, 64))).eval()
    batch = torch.rand(80, 3, 84, 84)
    with torch.no_grad():
        embed = min(seconds(lambda: network(batch))[1] for _ in range(REPEATS)) / len(batch)
    check = min(seconds(lambda: block_digests(images))[1] for _ in range(REPEATS)) / n
    share = 100 * 12_000 * check / (48_000 * embed + 12_000 * check)
    yield Line("hashes in 600 episodes of Conv4 at 84 pixels", share, None, "%", "< 2 %")


def _block(channels: int) -> "object":
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(channels, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2)
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a hundredth of everything")
    parser.add_argument("--files", type=Path, help="where to keep the generated files")
    chosen = parser.parse_args()
    part = 100 if chosen.quick else 1
    with tempfile.TemporaryDirectory() as scratch:
        root = chosen.files or Path(scratch)
        root.mkdir(parents=True, exist_ok=True)
        os.environ["FSBENCH_CACHE"] = str(Path(scratch, "cache"))
        print("| what | value | processor s | goal |\n|---|---|---|---|")
        parts = (
            preparing(root, 20_000 // part),
            listing(root, 1_000_000 // part),
            sampling(root, 1_000_000 // part),
            hashing(400),
        )
        for line in (line for lines in parts for line in lines):
            print(line, flush=True)


if __name__ == "__main__":
    main()
