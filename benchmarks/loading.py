"""Episodes per second: our loader against torchvision's ImageFolder with a DataLoader.

Both deliver float32 normalised episodes of the same files: 5-way, 1-shot, 15 queries.

    python benchmarks/loading.py omniglot PATH_TO/images_background
    python benchmarks/loading.py tiered-imagenet PATH_TO_WNID_FOLDERS --image-size 64

The benchmark must be prepared (``fsbench data prepare``). The peer gets two worker processes and a
batch sampler that draws episodes; decoding and resizing are its work on every visit of an image,
ours was done once by ``prepare``, whose time is not counted.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler
from torchvision import datasets, transforms

from fewshot_bench.data.episodes import Task
from fewshot_bench.data.library import open_benchmark
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.data.samplers.uniform import UniformSampler
from fewshot_bench.platform import keep_freed_memory

TASK = Task(5, 1, 15)


class EpisodeBatches(Sampler[list[int]]):
    """What people write for ImageFolder: random classes, random images of each."""

    def __init__(self, targets: list[int], n_episodes: int) -> None:
        labels = np.array(targets)
        self.by_class = [np.flatnonzero(labels == c) for c in range(labels.max() + 1)]
        self.n_episodes = n_episodes

    def __iter__(self) -> Iterator[list[int]]:
        random = np.random.default_rng(0)
        for _ in range(self.n_episodes):
            classes = random.choice(len(self.by_class), TASK.n_way, replace=False)
            picks = [
                random.choice(self.by_class[c], TASK.per_class, replace=False) for c in classes
            ]
            yield np.concatenate(picks).tolist()

    def __len__(self) -> int:
        return self.n_episodes


class LeafFolders(datasets.ImageFolder):
    """ImageFolder with a class for each folder that holds images (Omniglot's lie two deep)."""

    def find_classes(self, directory: str) -> tuple[list[str], dict[str, int]]:
        """Leaf folders, relative to the root."""
        root = Path(directory)
        leaves = sorted({str(f.parent.relative_to(root)) for f in root.rglob("*.*")})
        return leaves, {leaf: i for i, leaf in enumerate(leaves)}


def peer(root: Path, size: int, grey: bool) -> Callable[[int], float]:
    """Seconds for n episodes by ImageFolder and DataLoader with 2 workers."""
    steps = [transforms.Resize((size, size)), transforms.ToTensor()]
    steps = [transforms.Grayscale(), *steps] if grey else steps
    channels = 1 if grey else 3
    steps.append(transforms.Normalize((0.5,) * channels, (0.25,) * channels))
    folder = LeafFolders(str(root), transforms.Compose(steps))

    def run(n: int) -> float:
        batches = EpisodeBatches(folder.targets, n + 4)
        loader = iter(DataLoader(folder, batch_sampler=batches, num_workers=2))
        for _ in range(4):  # the start of the workers is not counted
            next(loader)
        begin = time.perf_counter()
        for images, _ in loader:
            assert images.dtype == torch.float32
        return time.perf_counter() - begin

    return run


def ours(name: str, size: int | None, workers: int) -> Callable[[int], float]:
    """Seconds for n episodes by our loader."""
    split = open_benchmark(name, size).split("train")
    loader = EpisodeLoader(UniformSampler(split, TASK), workers=workers)

    def run(n: int) -> float:
        for _ in loader.batches(0, 4 * loader.batch_size):
            pass
        begin = time.perf_counter()
        for batch in loader.batches(1000, 1000 + n):
            assert batch.query.dtype == torch.float32
        return time.perf_counter() - begin

    return run


def best_rate(run: Callable[[int], float], n: int, repeats: int = 3) -> float:
    """Episodes per second, the best of a few runs: the machine may be busy with other things."""
    return n / min(run(n) for _ in range(repeats))


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("benchmark")
    parser.add_argument("files", type=Path, help="one folder per class, for ImageFolder")
    parser.add_argument("--image-size", type=int)
    options = parser.parse_args()
    keep_freed_memory()
    store = open_benchmark(options.benchmark, options.image_size)
    size, grey = store.manifest.image_size, store.manifest.channels == 1
    reference = best_rate(peer(options.files, size, grey), 100)
    print(f"{options.benchmark}, {size} pixels, {TASK.id}, {torch.get_num_threads()} threads")
    print(f"{'ImageFolder + DataLoader, 2 workers':38s}{reference:10.0f} episodes/s")
    for workers in (0, 1, 2):
        rate = best_rate(ours(options.benchmark, options.image_size, workers), 4000)
        name = f"fewshot_bench, {workers} worker threads"
        print(f"{name:38s}{rate:10.0f} episodes/s {rate / reference:8.0f}x")


if __name__ == "__main__":
    main()
