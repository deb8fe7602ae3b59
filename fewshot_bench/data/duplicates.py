"""Equal pictures in a store: in two splits they leak, in a class a query may be a support image.

Pictures are equal if their stored pixels are; a copy in another resolution is not found.
"""

import collections
from collections.abc import Iterable, Mapping

from fewshot_bench.data.notices import Notice, noticed
from fewshot_bench.data.store import ImageStore, index_lines

ACROSS_SPLITS = "pictures in more than one split"
ACROSS_CLASSES = "pictures in more than one class of a split"
WITHIN_CLASS = "pictures more than once in a class"


def duplicates(lines: Iterable[str], split_of: Mapping[str, str]) -> list[Notice]:
    """Count the pictures that a store holds more than once.

    Args:
        lines: those of a store's index, ``class <tab> key <tab> hash of the pixels``.
        split_of: class -> split.

    Returns:
        At most one notice for each kind: across splits, across classes of one split, and within a
        class. A picture counts once for each kind that it is of. Examples are pairs of names.
    """
    places: dict[str, list[tuple[str, str]]] = collections.defaultdict(list)
    for line in lines:
        name, key, pixels = line.split("\t")
        places[pixels].append((name, key))
    kinds: dict[str, list[str]] = {ACROSS_SPLITS: [], ACROSS_CLASSES: [], WITHIN_CLASS: []}
    for found in (found for found in places.values() if len(found) > 1):
        for kind, pair in _pairs(found, split_of).items():
            kinds[kind].append(pair)
    return [notice for kind, pairs in kinds.items() for notice in noticed(kind, pairs)]


def copies(store: ImageStore) -> list[Notice]:
    """The same for a store, from its index; raises DataError if that can't be read."""
    classes = store.manifest.classes
    return duplicates(index_lines(store), {n: s for s, names in classes.items() for n in names})


def _pairs(same: list[tuple[str, str]], split_of: Mapping[str, str]) -> dict[str, str]:
    """The kinds that the copies of one picture are of, each with its first pair of names."""
    found: dict[str, str] = {}
    first_of_class: dict[str, tuple[str, str]] = {}
    first_of_split: dict[str, tuple[str, str]] = {}
    for copy in same:
        name, split = copy[0], split_of[copy[0]]
        if name in first_of_class:
            found.setdefault(WITHIN_CLASS, _pair(first_of_class[name], copy, split_of))
        elif split in first_of_split:
            found.setdefault(ACROSS_CLASSES, _pair(first_of_split[split], copy, split_of))
        elif first_of_split:
            other = next(iter(first_of_split.values()))
            found.setdefault(ACROSS_SPLITS, _pair(other, copy, split_of))
        first_of_class.setdefault(name, copy)
        first_of_split.setdefault(split, copy)
    return found


def _pair(one: tuple[str, str], other: tuple[str, str], split_of: Mapping[str, str]) -> str:
    return " = ".join(f"{split_of[name]}/{name}/{key}" for name, key in (one, other))
