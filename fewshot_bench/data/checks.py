"""What may be wrong with the classes of a source, found before or after its images are read."""

import collections
import dataclasses
import unicodedata
from collections.abc import Iterable, Sequence

from fewshot_bench.data.benchmark import SPLITS, Benchmark, ClassSource
from fewshot_bench.data.notices import Notice, counted, noticed
from fewshot_bench.data.split import RandomSplit
from fewshot_bench.errors import ConfigError, DataError

_UNKNOWN = "unknown class"


def missing_classes(benchmark: Benchmark, found: Iterable[ClassSource]) -> list[str]:
    """Names of official classes that are not among those found, sorted.

    Classes whose source does not tell their names can only be counted: a split that lacks some is
    reported as ``train class 1 (name unknown)`` and so on, and as ``unknown class 1`` where nothing
    but the number of classes is known.
    """
    found = list(found)
    if benchmark.n_classes is not None:
        count = benchmark.n_classes - len(found)
        return [f"{_UNKNOWN} {i + 1}" for i in range(count)]
    official = benchmark.official() if benchmark.official else {}
    missing = set(official) - {source.name for source in found if source.named}
    unnamed = collections.Counter(source.split for source in found if not source.named)
    for split, count in unnamed.items():
        here = sorted(name for name in missing if official.get(name) == split)
        missing -= set(here)
        missing |= {f"{split} class {i + 1} (name unknown)" for i in range(len(here) - count)}
    return sorted(missing)


def missing_message(name: str, missing: Sequence[str], total: int) -> str:
    """Counts the missing classes, and names those whose names are known."""
    names = [name for name in missing if not name.startswith(_UNKNOWN)]
    named = f" ({_some(names)})" if names else ""
    return (
        f"{name}: {len(missing)} of {total} classes are missing{named};"
        " complete the source, or go on without them with --allow-missing-classes"
    )


def empty_message(name: str, empty: Sequence[str]) -> str:
    """Counts and names the classes without a single image."""
    return (
        f"{name}: {counted(len(empty), 'classes')} without images ({_some(empty)});"
        " complete the source, or go on without them with --allow-missing-classes"
    )


def composed(classes: Iterable[ClassSource]) -> list[ClassSource]:
    """The classes with names in Unicode's composed form: macOS writes others for the same text."""
    return [
        dataclasses.replace(source, name=unicodedata.normalize("NFC", source.name))
        for source in classes
    ]


def without_small(
    classes: Sequence[ClassSource], fewest: int
) -> tuple[list[ClassSource], list[Notice]]:
    """Leave out classes with fewer than ``fewest`` images, and say which."""
    if fewest <= 1:
        return list(classes), []
    large = [source for source in classes if len(source.items()) >= fewest]
    names = {source.name for source in large}
    text = f"classes with fewer than {fewest} images, left out"
    return large, noticed(text, [source.name for source in classes if source.name not in names])


def assigned(
    classes: Sequence[ClassSource], benchmark: Benchmark, split: RandomSplit | None
) -> tuple[list[ClassSource], RandomSplit | None]:
    """Give every class a split.

    Args:
        classes: those whose split is None are drawn at random.
        benchmark: has the rule where ``split`` is None.
        split: the user's rule.

    Returns:
        The classes, and the rule if it was used.

    Raises:
        ConfigError: there is a rule of the user's, but the data have their own split.
    """
    open_names = [source.name for source in classes if source.split is None]
    if not open_names:
        if split is not None and classes:
            raise ConfigError(f"{benchmark.name} has its own split; leave the random one out")
        return list(classes), None
    rule = split or benchmark.split
    drawn = rule(open_names)
    return [
        source if source.split else dataclasses.replace(source, split=drawn[source.name])
        for source in classes
    ], rule


def reject_more(benchmark: Benchmark, found: int) -> None:
    """Raise DataError if there are more classes than the data set has."""
    if benchmark.n_classes is not None and found > benchmark.n_classes:
        raise DataError(
            f"{benchmark.name} has {benchmark.n_classes} classes, but the source {found}; remove"
            " what is none of them, or prepare it as folder:PATH"
        )


def reject_twice(classes: Iterable[ClassSource]) -> None:
    """Raise DataError if a class stands in two splits, or twice in one."""
    counts = collections.Counter((source.name, source.split) for source in classes)
    if twice := sorted(name for (name, _), n in counts.items() if n > 1):
        raise DataError(
            f"two folders are called {twice[0]!r}, in different forms of Unicode; rename one"
        )
    counts_of_name = collections.Counter(name for name, _ in counts)
    if twice := sorted(name for name, n in counts_of_name.items() if n > 1):
        raise DataError(
            f"class {twice[0]!r} stands in two splits ({len(twice)} such classes);"
            f" a class belongs to one of {', '.join(SPLITS)}"
        )


def reject_odd_names(names: Iterable[str]) -> None:
    """Raise DataError for a name with line breaks, tabs or bytes that are no text."""
    for name in names:
        if name.isprintable():
            continue
        if any("\ud800" <= character <= "\udfff" for character in name):
            raise DataError(f"the name {name!a} is not UTF-8; rename it")
        raise DataError(f"the name {name!a} can't be printed on one line; rename it")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
