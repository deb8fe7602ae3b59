"""Does the open-image interval keep its promise on real features?

A large pool of photographs (tiered-ImageNet's test classes, 300 images each here) stands for "all
images of these classes"; the truth is a ProtoNet's mean accuracy over very many episodes of it.
Many small pools are drawn from it. Each is evaluated with ordinary episodes, and each interval
either covers the truth or does not. Features are those of one trained model, computed once.

    fsbench train --method protonet --benchmark tiered-imagenet --image-size 64
    python benchmarks/open_image_coverage.py MODEL.safetensors

Small pools are drawn without replacement, so they vary a little less about the large pool than
about the whole world: by 1 - (pool size / large pool size), which is printed.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fewshot_bench.config import RunConfig, validated
from fewshot_bench.data.episodes import EpisodeIds, Task
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers.uniform import UniformSampler
from fewshot_bench.data.store import Split
from fewshot_bench.evaluation.columns import class_rows
from fewshot_bench.stats import Interval, mean_ci, open_image_ci
from fewshot_bench.training.checkpoint import load_checkpoint
from fewshot_bench.training.run import prepare_run

Features = NDArray[np.float32]


def embed_split(model: Path) -> tuple[Features, Split]:
    """Features (n, D) of the test split under a trained ProtoNet."""
    checkpoint = load_checkpoint(model)
    config = validated(RunConfig, checkpoint.info["config"])
    run = prepare_run(config, "cpu")
    split = run.store.split("test")
    loader = EpisodeLoader(UniformSampler(split, run.test_task), workers=0)
    parts = []
    with torch.no_grad():
        for first in range(0, len(split.images), 256):
            rows = torch.arange(first, min(first + 256, len(split.images)))
            parts.append(run.method.embed(checkpoint.params, loader.gather(rows[None])[0]))
    return torch.cat(parts).numpy(), split


def accuracies(gram: Features, ids: EpisodeIds) -> NDArray[np.float64]:
    """Nearest-centroid accuracy (T,) of each episode, from inner products (n, n) of all images."""
    blocks = [ids[first : first + 1000] for first in range(0, len(ids), 1000)]
    return np.concatenate([_accuracies(gram, block) for block in blocks])


def _accuracies(gram: Features, ids: EpisodeIds) -> NDArray[np.float64]:
    support, query = (class_rows([part], ids.n_way) for part in (ids.support_ids, ids.query_ids))
    cross = gram[query[:, :, :, None, None], support[:, None, None]].mean(axis=-1)
    norms = gram[support[..., :, None], support[..., None, :]].mean(axis=(2, 3))
    guess = (norms[:, None, None] - 2 * cross).argmin(axis=-1)
    labels = np.arange(support.shape[1])[:, None]
    return (guess == labels).mean(axis=(1, 2))


def small_pool(split: Split, per_class: int, seed: int) -> tuple[NDArray[np.int64], Pool]:
    """Image ids of a random part of each class, and the pool they make."""
    random = np.random.default_rng(seed)
    rows = [
        start + np.sort(random.choice(size, per_class, replace=False))
        for start, size in zip(split.class_starts, split.class_sizes, strict=True)
    ]
    ids = np.concatenate(rows)
    sizes = np.full(split.n_classes, per_class)
    return ids, Pool("test", split.class_names, sizes, f"pool-{seed}")


def intervals(acc: NDArray[np.float64], ids: EpisodeIds, pool: Pool) -> dict[str, Interval]:
    """The intervals under test."""
    images = np.concatenate([ids.support_ids, ids.query_ids], axis=1)
    sizes = pool.class_sizes
    return {
        "closed": mean_ci(acc),
        "open_images, jackknife": open_image_ci(acc, ids.class_ids, images, sizes),
        "open_images, bound": open_image_ci(acc, ids.class_ids, images, sizes, method="bound"),
    }


def main() -> None:
    """Print one table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--pools", type=int, default=300)
    parser.add_argument("--truth-episodes", type=int, default=100_000)
    options = parser.parse_args()
    features, split = embed_split(options.model)
    gram = features @ features.T
    print("| shot | images per class | episodes | interval | coverage | mean half-width |")
    print("|---|---|---|---|---|---|")
    for shot in (1, 5):
        task = Task(5, shot, 15)
        whole = UniformSampler(split, task, seed=1)
        truth = accuracies(gram, whole(0, options.truth_episodes)).mean()
        for per_class, episodes in ((30, 600), (30, 2000), (60, 2000)):
            report(gram, split, task, truth, per_class, episodes, options.pools)
        share = 1 - per_class / split.class_sizes.mean()
        print(f"truth at {shot} shot: {truth:.4f}; variance factor at 60 images: {share:.2f}\n")


def report(
    gram: Features,
    split: Split,
    task: Task,
    truth: float,
    per_class: int,
    episodes: int,
    pools: int,
) -> None:
    """One group of rows: coverage over many small pools."""
    hits: dict[str, list[bool]] = {}
    widths: dict[str, list[float]] = {}
    for seed in range(pools):
        rows, pool = small_pool(split, per_class, seed)
        ids = UniformSampler(pool, task, seed=0)(0, episodes)
        small = gram[np.ix_(rows, rows)]
        for name, interval in intervals(accuracies(small, ids), ids, pool).items():
            hits.setdefault(name, []).append(interval.low <= truth <= interval.high)
            widths.setdefault(name, []).append(interval.half_width)
    for name, covered in hits.items():
        print(
            f"| {task.n_shot} | {per_class} | {episodes} | {name}"
            f" | {np.mean(covered):.3f} | {100 * np.mean(widths[name]):.2f} points |",
            flush=True,
        )


if __name__ == "__main__":
    main()
