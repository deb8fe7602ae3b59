"""Checks of classes: those that were tested and those that were trained on."""

from collections.abc import Iterator, Mapping

from fewshot_bench.data.benchmark import SplitName
from fewshot_bench.data.pool import ROTATED, ROTATIONS
from fewshot_bench.evaluation.classes import (
    DIGITS,
    NAMED,
    class_hashes,
    class_list_sha256,
    photographed,
    shared_classes,
)
from fewshot_bench.evaluation.document import Dataset
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.checks.settings import config_of, own_benchmark


def tested(result: Result) -> Iterator[str]:
    """Names, their list and their hashes are of the classes that were tested."""
    dataset = result.document.dataset
    count, hashes = len(dataset.pool_sizes), dataset.class_hashes
    turned = dataset.fingerprint.endswith(ROTATED)
    names = dataset.class_names
    if names is None:
        if count <= NAMED:
            yield "it does not name its test classes"
        if hashes and len(hashes) * (ROTATIONS if turned else 1) != count * DIGITS:
            yield "class_hashes are not of its test classes"
        return
    if len(names) != count or class_list_sha256(names) != dataset.class_list_sha256:
        yield "its class names are not those of class_list_sha256"
    if len(set(names)) != len(names):
        yield "one of its test classes is there twice"
    if hashes and hashes != class_hashes(photographed(names, turned)):
        yield "class_hashes are not of its test classes"


def official(result: Result) -> Iterator[str]:
    """Test and training classes are those of the benchmark's own list, or some of them."""
    dataset, checkpoint = result.document.dataset, result.document.checkpoint
    listed = _official(dataset)
    hashes = {name: class_hashes([name]) for name in listed}
    told = {"test": dataset.class_hashes, "train": checkpoint.training_class_hashes}
    for split, held in told.items():
        own = {hashes[name] for name, where in listed.items() if where == split}
        entries = [held[i : i + DIGITS] for i in range(0, len(held), DIGITS)]
        if split == "train" and checkpoint.training_benchmark != dataset.id:
            continue
        if own and (others := sum(entry not in own for entry in entries)):
            yield f"{others} of its {split} classes are not {split} classes of {dataset.id}"


def _official(dataset: Dataset) -> Mapping[str, SplitName]:
    """Class -> split of a benchmark of this package that has an official list; {} of others."""
    benchmark = own_benchmark(dataset.id)
    return {} if benchmark is None or benchmark.official is None else benchmark.official()


def trained(result: Result) -> Iterator[str]:
    """No test class was trained on, and which ones were is told."""
    dataset, checkpoint = result.document.dataset, result.document.checkpoint
    hashes, learned = dataset.class_hashes, checkpoint.training_class_hashes
    if len(learned) % DIGITS:
        yield "training_class_hashes are no hashes of classes"
    if hashes and learned:
        if both := shared_classes(hashes, learned):
            yield f"{both} of its test classes were trained on"
        return
    version = result.document.schema_version
    if version > 2 and not checkpoint.stages:
        if checkpoint.external_data and not checkpoint.trained_on:
            yield "it does not tell which data outside the benchmark it was trained on"
        return  # nothing was trained here; what learned from other data is ranked apart
    # Schema 1 has no hashes; a store never has one class in two splits.
    prints = (checkpoint.training_fingerprint, dataset.fingerprint)
    one, other = (text.removesuffix(ROTATED) for text in prints)
    if version > 1 or one != other:
        yield "it does not tell which classes were trained on"


def training_data(result: Result) -> Iterator[str]:
    """What was trained on the same benchmark was trained on the same images."""
    dataset, checkpoint = result.document.dataset, result.document.checkpoint
    config = config_of(result.document)
    if config is None or checkpoint.training_benchmark != dataset.id:
        return
    prints = (checkpoint.training_fingerprint, dataset.fingerprint)
    one, other = (text.removesuffix(ROTATED) for text in prints)
    if checkpoint.training_fingerprint and one != other:
        yield f"it was trained on images {one[:12]} of {dataset.id}, but tested on {other[:12]}"
