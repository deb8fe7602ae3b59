"""Where prepared stores live, and how a benchmark is opened by name."""

import dataclasses
import hashlib
import os
import re
from pathlib import Path

from fewshot_bench.data.benchmark import Benchmark
from fewshot_bench.data.prepare import Options, Progress, prepare
from fewshot_bench.data.split import RandomSplit
from fewshot_bench.data.store import MANIFEST, ImageStore, Manifest, open_store
from fewshot_bench.data.verify import contradictions
from fewshot_bench.data.watched import is_unchanged, listing
from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.files import cache_folder, expanded, load_json, recover, write_atomic
from fewshot_bench.lock import locked
from fewshot_bench.reading import read_text
from fewshot_bench.registry import BENCHMARKS

_LISTING = "listing.sha256"


def parse(spec: str) -> tuple[Benchmark, Path | None]:
    """Read a benchmark's name as users type it.

    Args:
        spec: a registered name, or ``folder:PATH``.

    Returns:
        The benchmark, and PATH; a folder is called after its base name, as in ``folder:birds``.

    Raises:
        ConfigError: the name is unknown, or ``folder`` has no path.
    """
    name, _, rest = spec.partition(":")
    if name != "folder":
        return _load(spec), None
    if not rest:
        raise ConfigError("benchmark 'folder' needs a path, as in folder:PATH")
    path = expanded(rest)
    return dataclasses.replace(_load(name), name=f"folder:{path.resolve().name}"), path


def _load(name: str) -> Benchmark:
    found = BENCHMARKS.load(name)
    if not isinstance(found, Benchmark):
        raise ConfigError(f"benchmark {name!r} is registered, but it is no Benchmark")
    return found


def store_folder(spec: str, image_size: int | None = None) -> Path:
    """Where the store of a benchmark lies, prepared or not.

    Args:
        spec: see :func:`parse`.
        image_size: side in pixels; None takes the benchmark's own.

    Returns:
        For instance ``<cache>/data/omniglot-28``; for a folder, its base name and a hash of its
        absolute path stand in front of the size.
    """
    benchmark, path = parse(spec)
    stem = _stem(spec, path)
    return stem.with_name(f"{stem.name}-{image_size or benchmark.image_size}")


def _stem(spec: str, path: Path | None) -> Path:
    name = spec
    if path is not None:
        absolute = path.resolve()
        readable = re.sub(r"[^A-Za-z0-9_.]+", "_", absolute.name)[:40]
        name = f"folder-{readable}-{hashlib.sha256(os.fsencode(absolute)).hexdigest()[:10]}"
    return cache_folder() / "data" / name


def prepared_sizes(spec: str) -> list[int]:
    """Image sizes at which a benchmark is prepared, ascending."""
    _, path = parse(spec)
    stem = _stem(spec, path)
    stores = (manifest.parent for manifest in stem.parent.glob(f"{stem.name}-*/{MANIFEST}"))
    sizes = (store.name.removeprefix(f"{stem.name}-") for store in stores)
    return sorted(int(size) for size in sizes if size.isdecimal())


def open_benchmark(
    spec: str,
    image_size: int | None = None,
    progress: Progress = lambda *_: None,
    split: RandomSplit | None = None,
) -> ImageStore:
    """Open a prepared benchmark, preparing it first where nothing is needed from the user.

    Generated benchmarks are made once. A folder is read at once, and again when a file in it was
    added, removed or changed, in the way that ``fsbench data prepare`` was told the last time.
    Of several processes that open a benchmark at once, one prepares it and the others wait.

    Args:
        spec: see :func:`parse`.
        image_size: side in pixels; None takes the benchmark's own.
        progress: see :data:`fewshot_bench.data.prepare.Progress`.
        split: rule for a folder without a split of its own; None takes that of the last time.

    Raises:
        ConfigError: the name is unknown, or a split is given to data that have one.
        DataError: it is not prepared, or the store is damaged.
    """
    benchmark, path = parse(spec)
    folder = store_folder(spec, image_size)
    if path is not None:
        store = _open_folder(benchmark, path, folder, (image_size, split), progress)
        return _true(store, benchmark)
    if split is not None:
        raise ConfigError(f"{spec} has its own split; leave the random one out")
    recover(folder)
    if (folder / MANIFEST).is_file():
        return _true(open_store(folder), benchmark)
    if benchmark.generate is None:
        raise DataError(_not_prepared(benchmark, image_size, prepared_sizes(spec)))
    with locked(folder, f"the data in {folder}"):
        if (folder / MANIFEST).is_file():
            return _true(open_store(folder), benchmark)
        return prepare(benchmark, folder, None, Options(image_size=image_size), progress)


def _true(store: ImageStore, benchmark: Benchmark) -> ImageStore:
    """The store; raises DataError if it does not say the same of its images as its benchmark."""
    if lines := contradictions(store, benchmark):
        raise DataError(f"{store.folder}: {lines[0]}; prepare the data again")
    return store


def _not_prepared(benchmark: Benchmark, image_size: int | None, sizes: list[int]) -> str:
    name, wanted = benchmark.name, image_size or benchmark.image_size
    if not sizes:
        return f"{name} is not prepared: {benchmark.howto}"
    there = " and ".join(map(str, sizes))
    return (
        f"{name} is not prepared at {wanted} pixels, but at {there}: pass --image-size {sizes[0]},"
        f" or run fsbench data prepare {name} --image-size {wanted}"
    )


def _open_folder(
    benchmark: Benchmark,
    path: Path,
    folder: Path,
    wanted: tuple[int | None, RandomSplit | None],
    progress: Progress,
) -> ImageStore:
    """Open the store of a user's folder if it is that of the files as they are now."""
    if not path.exists():
        raise DataError(f"{path} does not exist")
    image_size, split = wanted
    recover(folder)
    if (store := _current(folder, path, split)) is not None:
        return store
    with locked(folder, f"the data in {folder}"):
        if (store := _current(folder, path, split)) is not None:  # another has made it
            return store
        options = dataclasses.replace(_last_options(folder), image_size=image_size)
        options = dataclasses.replace(options, split=split) if split else options
        return _prepare_folder(benchmark, path, folder, options, progress)


def _current(folder: Path, source: Path, split: RandomSplit | None) -> ImageStore | None:
    """The store, if it was made of the files as they are, and drawn by the rule if there is one."""
    if not (folder / MANIFEST).is_file() or not is_unchanged(source, _recorded(folder)):
        return None
    try:
        store = open_store(folder)
    except DataError:  # of an older version, or damaged: it is made again
        return None
    return store if split is None or store.manifest.split == split.record() else None


def _last_options(folder: Path) -> Options:
    """How the store was prepared, if there is one that can tell."""
    try:
        manifest = Manifest.from_json(load_json(folder / MANIFEST), folder / MANIFEST)
        return Options.from_record(manifest.options)
    except (DataError, TypeError, AttributeError):
        return Options()


def make(
    spec: str,
    source: Path | None = None,
    options: Options | None = None,
    progress: Progress = lambda *_: None,
) -> ImageStore:
    """Prepare a benchmark at its place in the cache, whether or not it is there already.

    Args:
        spec: see :func:`parse`.
        source: folder or archive of the user's; None generates or downloads.
        options: see :class:`fewshot_bench.data.prepare.Options`.
        progress: see :data:`fewshot_bench.data.prepare.Progress`.

    Raises:
        ConfigError: the name is unknown, or a source is given for ``folder:PATH`` besides PATH.
        DataError: the source is not as expected.
    """
    options = options or Options()
    benchmark, path = parse(spec)
    folder = store_folder(spec, options.image_size)
    if path is not None and source not in (None, path):
        raise ConfigError(f"{spec} names its folder itself; leave --source out")
    with locked(folder, f"the data in {folder}"):
        if path is None:
            return prepare(benchmark, folder, source, options, progress)
        return _prepare_folder(benchmark, path, folder, options, progress)


def _prepare_folder(
    benchmark: Benchmark, path: Path, folder: Path, options: Options, progress: Progress
) -> ImageStore:
    """Prepare a user's folder and remember which files it was made of."""
    before = listing(path)  # before: what changes meanwhile is read again next time
    store = prepare(benchmark, folder, path, options, progress)
    write_atomic(folder / _LISTING, before.encode())
    return store


def _recorded(folder: Path) -> str:
    try:
        return read_text(folder / _LISTING)
    except (OSError, ValueError):
        return ""
