"""Is a submitted result what it says? Everything that can be told without images and models.

The checks run in the order of their numbers, and each takes for granted that those before it hold:

1. schema, types, ranges and shapes (when the file is read);
2. known data of the size that they have, a known protocol, the list of episodes with seed 0;
3. the episodes, drawn again from class sizes and seed, are those of the file;
4. the numbers of correct queries follow from the predictions;
5. the summary follows from the episodes, to 1e-12;
6. enough episodes; rows with fewer than three seeds are marked, not refused;
7. all training seeds that were measured together are there, each once, each with its own model;
8. the model was selected on validation classes, and no test class was trained on;
9. the setting is the one that the method has with these options.
"""

import collections
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from fewshot_bench.data.pool import ROTATED, ROTATIONS
from fewshot_bench.errors import ResultError
from fewshot_bench.evaluation.arrays import Columns, queries
from fewshot_bench.evaluation.classes import (
    DIGITS,
    NAMED,
    class_hashes,
    class_list_sha256,
    photographed,
    shared_classes,
)
from fewshot_bench.evaluation.compact import list_sha256, redraw, sampler_of
from fewshot_bench.evaluation.identity import config_sha256
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.datasets import Datasets, dataset_of
from fewshot_bench.leaderboard.measured import MIN_EPISODES, Stored, place, short_line
from fewshot_bench.registry import HOME, METHODS

TOLERANCE = 1e-12
MANY_WRONG = 100  # two models don't agree in as many wrong predictions by chance


def check_stored(stored: Stored, root: Path, known: Datasets) -> list[str]:
    """One line for everything that is wrong with the results of a leaderboard.

    Args:
        stored: the results under ``root``.
        root: their folder.
        known: see :func:`fewshot_bench.leaderboard.datasets.read_datasets`.
    """
    lines = list(stored.problems)
    for results in stored.rows.values():
        for result in results:
            folder = stored.folders[result.document.result_id]
            reasons = list(check_result(result, known))
            if folder != root / place(result):
                reasons.append(f"it belongs into {place(result)}; use fsbench results add")
            lines += [f"{folder}: {short_line(reason)}" for reason in reasons]
        lines += [short_line(line) for line in check_row(results)]
    return lines


def check_row(results: Iterable[Result]) -> Iterator[str]:
    """What is wrong with the results of one configuration together, one per training seed."""
    results = list(results)
    yield from _missing_seeds(results)
    yield from _copied_models(results)


def check_result(result: Result, known: Datasets | None = None) -> Iterator[str]:
    """Reasons why a result can't be accepted; nothing if all is well.

    Args:
        result: read by :func:`fewshot_bench.evaluation.result.read_result`.
        known: see :func:`check_stored`; None to accept any data.
    """
    yield from _data(result, known)
    yield from _episodes(result)
    yield from _counts(result)
    yield from _summary(result)
    yield from _training(result)
    yield from _classes(result)
    yield from _training_classes(result)
    yield from _setting(result)


def _data(result: Result, known: Datasets | None) -> Iterator[str]:
    dataset, protocol = result.document.dataset, result.document.protocol
    if known is not None:
        yield from _known_data(result, known)
    if dataset.split != "test":
        yield f"it was measured on {dataset.split} classes, not on test classes"
    if protocol.sampler.seed != 0:
        # Of lists of one's own choice one could try many, and nothing would stand beside the best.
        yield (
            f"its episodes were drawn with seed {protocol.sampler.seed}, but results are compared"
            " on the list with seed 0"
        )
        return
    yield from _protocol(result)


def _protocol(result: Result) -> Iterator[str]:
    """Its name and its numbers of ways, shots and queries are those of its sampler."""
    protocol = result.document.protocol
    try:
        sampler = sampler_of(result.document)
    except ResultError:
        return  # said of the episodes
    if protocol.id != sampler.protocol_id:
        yield f"its protocol is called {protocol.id}, but is {sampler.protocol_id}"
    shape = {name: getattr(protocol, name) for name in sampler.shape}
    if shape != sampler.shape:
        yield f"its shape is given as {shape}, but is {sampler.shape}"


def _known_data(result: Result, known: Datasets) -> Iterator[str]:
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


def _episodes(result: Result) -> Iterator[str]:
    columns = result.columns
    try:
        drawn = redraw(result.document, len(result.accuracy))
    except ResultError as error:
        yield str(error)
        return
    if (wrong := _not_drawn(drawn, columns)) is not None:
        yield f"{wrong} does not follow from its seed"
        return
    if list_sha256(columns["episode_hash"]) != result.document.protocol.episode_list_sha256:
        yield "its episode list is not the one that its seed and data give"
    if len(result.accuracy) < MIN_EPISODES:
        yield f"{len(result.accuracy)} episodes are too few: at least {MIN_EPISODES}"


def _not_drawn(drawn: Columns, columns: Columns) -> str | None:
    """The first column, and where it has a row per episode the first episode, that differs."""
    for name, values in drawn.items():
        held = columns.get(name)
        if held is None or held.shape != values.shape:
            return name
        differs = (values != held).reshape(len(values), -1).any(axis=1)
        if differs.any():
            per_episode = len(values) == len(drawn["episode_hash"])
            return f"{name} of episode {np.flatnonzero(differs)[0]}" if per_episode else name
    return None


def _counts(result: Result) -> Iterator[str]:
    columns, asked = result.columns, queries(result.columns)
    right = np.bincount(asked.episode, asked.pred == asked.label, len(result.accuracy)).astype(int)
    differs = np.flatnonzero(right != columns["n_correct"])
    if len(differs):
        t = differs[0]
        yield (
            f"episode {t} counts {columns['n_correct'][t]} correct queries, but its predictions"
            f" have {right[t]}"
        )
    if (columns["n_query"] != np.bincount(asked.episode, minlength=len(right))).any():
        yield "n_query is not the number of queries in every episode"


def _summary(result: Result) -> Iterator[str]:
    summary = result.document.summary
    stated = summary.interval
    interval = interval_of([result], "closed", stated.level)
    pairs = {
        "accuracy": (summary.accuracy, interval.mean),
        "lower limit": (stated.low, interval.low),
        "upper limit": (stated.high, interval.high),
    }
    for name, (said, true) in pairs.items():
        if said is None or not abs(said - true) <= TOLERANCE:
            yield f"its summary gives the {name} as {said}, its episodes as {true}"
    if len(result.accuracy) != summary.T:
        yield f"it says {summary.T} episodes and holds {len(result.accuracy)}"


def _training(result: Result) -> Iterator[str]:
    method, checkpoint = result.document.method, result.document.checkpoint
    seed, train = checkpoint.training_seed, method.config.train
    if config_sha256(method.config.table()) != method.config_sha256:
        yield "config_sha256 is not that of its configuration"
    if train is not None and train.seed != seed:
        yield f"training_seed is {seed}, but train.seed is {train.seed}"
    if checkpoint.seed_group and seed not in checkpoint.seed_group:
        yield f"its training seed {seed} is not in its list of seeds {checkpoint.seed_group}"
    for selection in (checkpoint.selection, *(stage.selection for stage in checkpoint.stages)):
        # "none": nothing was selected, the parameters are those of the last step.
        if selection is not None and selection.split not in ("val", "none"):
            yield f"its model was selected on {selection.split}, not on val"


def _classes(result: Result) -> Iterator[str]:
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
    if hashes and hashes != class_hashes(photographed(names, turned)):
        yield "class_hashes are not of its test classes"


def _training_classes(result: Result) -> Iterator[str]:
    dataset, checkpoint = result.document.dataset, result.document.checkpoint
    hashes, trained = dataset.class_hashes, checkpoint.training_class_hashes
    if hashes and trained:
        if both := shared_classes(hashes, trained):
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


def _setting(result: Result) -> Iterator[str]:
    method = result.document.method
    if method.id not in METHODS or (entry := METHODS.entry(method.id)).origin != HOME:
        return  # nothing is known of other people's methods
    own = entry.setting_of(method.config.options)
    if own != method.setting:
        yield f"its setting is given as {method.setting}, but with its options it is {own}"


def _missing_seeds(results: list[Result]) -> Iterator[str]:
    """Seeds that were measured together with others and are not there: seeds may not be picked."""
    there = collections.Counter(r.document.checkpoint.training_seed for r in results)
    declared = {s for r in results for s in r.document.checkpoint.seed_group}
    if missing := sorted(declared - there.keys()):
        seeds = ", ".join(map(str, missing))
        yield f"{_row_name(results)}: training seed {seeds} was measured but is not there"


def _copied_models(results: list[Result]) -> Iterator[str]:
    """One model under several seeds would be ranked as if training had been repeated."""
    for one, other in itertools.combinations(results, 2):
        parts = [result.document.checkpoint for result in (one, other)]
        seeds = " and ".join(str(part.training_seed) for part in parts)
        if parts[0].sha256 == parts[1].sha256:
            yield f"{_row_name(results)}: training seeds {seeds} are one and the same model"
        elif _same_predictions(one, other):
            yield f"{_row_name(results)}: training seeds {seeds} have the same predictions"


def _same_predictions(one: Result, other: Result) -> bool:
    """Equal on all common episodes; nearly perfect models may well be."""
    n = min(len(one.accuracy), len(other.accuracy))
    mine, theirs = (queries(result.first(n).columns) for result in (one, other))
    wrong = int((mine.pred != mine.label).sum())
    return wrong >= MANY_WRONG and np.array_equal(mine.pred, theirs.pred)


def _row_name(results: list[Result]) -> str:
    document = results[0].document
    return f"{document.method.id} on {document.dataset.id}, {document.protocol.id}"
