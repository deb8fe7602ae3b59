"""Checks of images against what a board knows of them, and of results that name the same ones."""

import collections
from collections.abc import Iterator, Sequence
from typing import Any

from fewshot_bench.data.pool import ROTATED
from fewshot_bench.evaluation.document import Document
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.checks.settings import one_split
from fewshot_bench.leaderboard.datasets import Datasets, dataset_of


def known_data(result: Result, known: Datasets) -> Iterator[str]:
    """The fingerprint is listed in ``datasets.csv``, with as many classes and images."""
    dataset = result.document.dataset
    listed, own = known.get(dataset.id, {}).get(dataset.fingerprint), dataset_of(result)
    name = dataset.fingerprint[:12]
    if listed is None:
        yield f"its data fingerprint {name} is not one of {dataset.id} in datasets.csv"
        return
    sizes = [(data.test_classes, data.test_images) for data in (own, listed)]
    if sizes[0] != sizes[1]:
        said, true = (f"{classes} classes and {images} images" for classes, images in sizes)
        yield f"its test data are {said}, but those of {name} in datasets.csv {true}"
    if listed.resize and own.resize != listed.resize:
        yield f"its images are {own.resize!r}, those of {name} in datasets.csv {listed.resize!r}"


def same_data(results: Sequence[Result]) -> Iterator[tuple[Result, str]]:
    """Results with one fingerprint say the same of their data; whoever is alone in it is named.

    Whatever a fingerprint stands for is said once by every result that has it: names, sizes and
    hashes of classes, preprocessing, training classes. Of two accounts that are told equally often
    both are named.
    """
    groups: dict[tuple[str, ...], list[Result]] = collections.defaultdict(list)
    for result in results:
        dataset = result.document.dataset
        images, split = dataset.fingerprint.removesuffix(ROTATED), dataset.split
        drawn = "" if one_split(dataset.id) else dataset.split_sha256
        groups[dataset.id, images, split, drawn].append(result)
    for same in groups.values():
        for name in _facts(same[0].document):
            yield from _alone(name, same)


def _alone(name: str, same: Sequence[Result]) -> Iterator[tuple[Result, str]]:
    """Results whose account of one fact is told by fewer than half of those that tell it."""
    told = [(result, value) for result in same if (value := _facts(result.document)[name])]
    counts = collections.Counter(value for _, value in told)
    for result, value in told if len(counts) > 1 else ():
        if 2 * counts[value] <= len(told):
            where = result.document.dataset.fingerprint[:12]
            yield result, f"{name} is not what other results say of the same data {where}"


def _facts(document: Document) -> dict[str, Any]:
    """What follows from fingerprint and split; "" where a document of its version does not tell."""
    dataset, checkpoint = document.dataset, document.checkpoint
    turned = dataset.fingerprint.endswith(ROTATED)
    home = checkpoint.training_benchmark == dataset.id
    images = {key: value for key, value in dataset.preprocessing.items() if key in _OF_IMAGES}
    return {
        "raw_sha256": dataset.raw_sha256,
        "pool_sizes": f"{turned} {dataset.pool_sizes}",
        "class_list_sha256": dataset.class_list_sha256 and f"{turned} {dataset.class_list_sha256}",
        "split_sha256": dataset.split_sha256,
        "class_hashes": dataset.class_hashes,
        "preprocessing": repr(sorted(images.items())) if images else "",
        "training_class_hashes": checkpoint.training_class_hashes if home else "",
    }


_OF_IMAGES = ("channels", "resize", "invert")
