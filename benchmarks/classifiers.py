"""Time of every classifier on stored features, beside easyfsl's on the same episodes.

    python benchmarks/classifiers.py [--peer FOLDER] > benchmarks/results/classifiers.md

The folder holds the package ``easyfsl`` of github.com/sicara/easy-few-shot-learning; without one
there are no ratios. Features are made up: 20 classes of 600 images, 256 numbers each. A time is
CPU time of all that evaluation does from stored features on: drawing the episodes, gathering,
classifying, scoring. The peer does the same with its own parts, ``FeaturesDataset``,
``TaskSampler`` and a ``DataLoader`` without workers; a second time is that of its classifier alone,
on episodes that are handed to it. Both are of fewer episodes and scaled, and run right behind ours.
"""

import argparse
import importlib
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler

from fewshot_bench.data.episodes import Task
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.data.pool import FeaturePool
from fewshot_bench.data.samplers.base import make_sampler
from fewshot_bench.evaluation.predict import accuracy
from fewshot_bench.grids.request import grid_methods
from fewshot_bench.interface.models import FixedEmbedding
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.build import build_method
from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.nn.backbone import ImageShape

CLASSES, IMAGES, FEATURES = 20, 600, 256
GOAL_SECONDS, GOAL_RATIO, GOAL_METHODS = 60.0, 10.0, 20
NEVER = ("[pretrained]",)  # the same classifiers under another name


@dataclass(frozen=True)
class Peer:
    """What easyfsl calls a method, with the steps that ours takes.

    Attributes:
        name: of its class.
        options: of its constructor.
        changed: options of ours, for equal work.
    """

    name: str
    options: dict[str, Any]
    changed: dict[str, Any]


UNIT = {"feature_normalization": 2.0}
PEERS = {
    "simpleshot[un]": Peer("PrototypicalNetworks", {}, {}),
    "simpleshot[l2n]": Peer("SimpleShot", UNIT, {}),
    "bd-cspn": Peer("BDCSPN", UNIT, {}),
    "laplacian-shot": Peer("LaplacianShot", UNIT, {}),
    "pt-map": Peer("PTMAP", {"fine_tuning_steps": 20}, {}),
    "tim-gd": Peer("TIM", UNIT | {"fine_tuning_steps": 1000}, {}),
    "entropy-tuning": Peer("TransductiveFinetuning", UNIT | {"fine_tuning_steps": 25}, {}),
}


def feature_pool() -> FeaturePool:
    """Noisy copies of a pattern for each class, not negative, as features behind a ReLU."""
    random = np.random.Generator(np.random.Philox(7))
    centres = random.normal(size=(CLASSES, 1, FEATURES))
    noise = 3 * random.normal(size=(CLASSES, IMAGES, FEATURES))
    features = np.maximum(centres + noise, 0).reshape(-1, FEATURES).astype(np.float32)
    names = tuple(f"class{c:02d}" for c in range(CLASSES))
    sizes = np.full(CLASSES, IMAGES, dtype=np.int64)
    made = "made up"
    return FeaturePool("test", names, sizes, made, features, made)


def on_features(name: str, base_mean: torch.Tensor) -> FixedEmbedding:
    """A registered method on features."""
    learner = build_method(name, Setup("conv4-32", ImageShape(1, 16), 5), {})
    assert isinstance(learner, EmbeddingLearner)
    return FixedEmbedding(None, learner.classifier, learner.transform, learner.refiner, base_mean)


def seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """CPU time of this process, and time on the wall."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


Tensors = tuple[torch.Tensor, ...]  # support, its labels, queries, their labels


def peer_episodes(pool: FeaturePool, task: Task, episodes: int) -> Iterable[Tensors]:
    """Episodes as easyfsl draws and gathers them from features."""
    # easyfsl hands its data to the constructor of torch's Sampler, which no longer takes any.
    setattr(Sampler, "__init__", lambda self, data_source=None: None)  # noqa: ARG005, B010
    datasets = importlib.import_module("easyfsl.datasets")
    samplers = importlib.import_module("easyfsl.samplers")
    labels = np.repeat(np.arange(len(pool.class_sizes)), pool.class_sizes).tolist()
    features = torch.from_numpy(pool.features)
    dataset = datasets.FeaturesDataset(labels, features, list(pool.class_names))
    sampler = samplers.TaskSampler(dataset, task.n_way, task.n_shot, task.n_query, episodes)
    collate = sampler.episodic_collate_fn
    return DataLoader(dataset, batch_sampler=sampler, collate_fn=collate)


def handed(loader: EpisodeLoader, episodes: int) -> Iterable[Tensors]:
    """The first of our episodes, as tensors that are there."""
    return [
        (one.support, one.support_labels, one.query, one.query_labels)
        for part in loader.batches(0, episodes)
        for one in part
    ]


def peer_run(peer: Peer, episodes: Iterable[Tensors]) -> Callable[[], None]:
    """easyfsl's classifier on episodes, one after another."""
    model = getattr(importlib.import_module("easyfsl.methods"), peer.name)(**peer.options)

    def run() -> None:
        for support, support_labels, query, query_labels, *_ in episodes:
            with torch.no_grad():
                model.process_support_set(support, support_labels)
                (model(query).argmax(1) == query_labels).float().mean().item()

    return run


@dataclass(frozen=True)
class Line:
    """One method: accuracy, CPU and wall seconds of all episodes.

    Attributes:
        name: of the method.
        accuracy: mean.
        cpu: seconds of ours.
        wall: seconds of ours.
        peer: CPU seconds of easyfsl with its own episodes; None where it has no such method.
        alone: CPU seconds of its classifier alone.
    """

    name: str
    accuracy: float
    cpu: float
    wall: float
    peer: float | None = None
    alone: float | None = None


def measured(episodes: int, shots: int, peers: int, only: list[str]) -> Iterator[Line]:
    """Every method; ``peers`` episodes of easyfsl's, none if 0."""
    pool, task = feature_pool(), Task(5, shots, 15)
    mean = torch.from_numpy(pool.features.mean(axis=0))
    loader = EpisodeLoader(make_sampler("uniform", pool, task, 0))
    names = only or [n for n in grid_methods("all") if not n.endswith(NEVER)]
    accuracy(on_features("simpleshot", mean), {}, loader, 2)  # what is loaded at the first call
    for name in names:
        method, found = on_features(name, mean), []
        cpu, wall = seconds(
            lambda m=method, f=found: f.append(accuracy(m, {}, loader, episodes).mean())
        )
        line = Line(name, float(found[0]), cpu, wall)
        if peers and name in PEERS:
            ways = (peer_episodes(pool, task, peers), handed(loader, peers))
            whole, alone = (
                seconds(peer_run(PEERS[name], way))[0] * episodes / peers for way in ways
            )
            line = replace(line, peer=whole, alone=alone)
        yield line


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--peer-episodes", type=int, default=50)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    peers = 0
    if arguments.peer is not None and (arguments.peer / "easyfsl").is_dir():
        sys.path.insert(0, str(arguments.peer))
        peers = arguments.peer_episodes
    lines = []
    for line in measured(arguments.episodes, arguments.shots, peers, arguments.only):
        lines.append(line)
        print(f"{line.name}: {line.wall:.2f} s", file=sys.stderr, flush=True)
    print(page(lines, arguments))


def peer_cells(line: Line) -> str:
    """easyfsl's times, and how many of ours they are."""
    if line.peer is None or line.alone is None:
        return " | | | |"
    cells = (
        cell
        for seconds in (line.peer, line.alone)
        for cell in (f"{seconds:.2f}", f"{seconds / line.cpu:.1f}")
    )
    return " " + " | ".join(cells) + " |"


def page(lines: list[Line], arguments: argparse.Namespace) -> str:
    """The result as Markdown."""
    lines = sorted(lines, key=lambda line: line.cpu)
    counted = lines if len(lines) < GOAL_METHODS else lines[:GOAL_METHODS]
    rows = [
        f"| {line.name} | {100 * line.accuracy:.1f} | {line.cpu:.2f} | {line.wall:.2f} |"
        + peer_cells(line)
        for line in lines
    ]
    ratios = sorted(line.peer / line.cpu for line in lines if line.peer is not None)
    words = [
        f"{arguments.episodes} episodes, 5-way {arguments.shots}-shot, 15 queries, of"
        f" {CLASSES * IMAGES} made-up features of length {FEATURES}; torch {torch.__version__},"
        f" {arguments.threads} threads.",
        "",
        f"All {len(lines)} methods: {sum(line.cpu for line in lines):.1f} s of CPU,"
        f" {sum(line.wall for line in lines):.1f} s on the wall. The {len(counted)} quickest:"
        f" {sum(line.cpu for line in counted):.1f} s and {sum(line.wall for line in counted):.1f} s"
        f" (goal: {GOAL_METHODS} methods in {GOAL_SECONDS:g} s).",
    ]
    if ratios:
        words.append(
            f"easyfsl with its own episodes takes {ratios[0]:.1f} to {ratios[-1]:.1f} times as much"
            f" CPU, median {statistics.median(ratios):.1f} (goal: {GOAL_RATIO:g}). *Alone*: its"
            " classifier only, without drawing and gathering, against all of ours."
        )
    columns = ("method", "accuracy %", "CPU, s", "wall, s")
    peer_columns = ("easyfsl, CPU s", "ratio", "alone, CPU s", "ratio alone")
    head = ["", "| " + " | ".join(columns + peer_columns) + " |"]
    return "\n".join(
        ["# Classifiers on stored features", "", *words, *head, "|---" * 8 + "|", *rows]
    )


if __name__ == "__main__":
    main()
