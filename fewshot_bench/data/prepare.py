"""Read a source once, write a store: the work behind ``fsbench data prepare``.

Images are decoded by a few threads and written in id order as they come, so that memory stays flat
however large the data set is. The store's folder appears under its name only when it is whole.
"""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from fewshot_bench.data.archives import is_archive, unpacked
from fewshot_bench.data.benchmark import SPLITS, Benchmark, ClassSource
from fewshot_bench.data.checks import (
    empty_message,
    missing_classes,
    missing_message,
    reject_odd_names,
    reject_twice,
)
from fewshot_bench.data.download import fetch
from fewshot_bench.data.store import ImageStore, open_store
from fewshot_bench.data.writer import StoreWriter
from fewshot_bench.errors import DataError
from fewshot_bench.files import atomic_folder

Progress = Callable[[int, int, int], None]
"""Called as work goes on, with images done, classes done, and classes in all."""

_SCRATCH = ".source"


@dataclass(frozen=True)
class Options:
    """How a source is read.

    Attributes:
        image_size: side in pixels; None takes the benchmark's own.
        allow_missing_classes: go on without the official classes that the source lacks.
        skip_corrupt: leave damaged images out and record them in the manifest.
        jobs: decoding threads.
    """

    image_size: int | None = None
    allow_missing_classes: bool = False
    skip_corrupt: bool = False
    jobs: int = field(default_factory=lambda: min(8, os.cpu_count() or 1))


def prepare(
    benchmark: Benchmark,
    folder: Path,
    source: Path | None = None,
    options: Options | None = None,
    progress: Progress = lambda *_: None,
) -> ImageStore:
    """Build the store of a benchmark in ``folder``, replacing what was there.

    Args:
        benchmark: what to read.
        folder: the store's folder.
        source: folder, archive or file of the user's; None generates or downloads.
        options: see :class:`Options`.
        progress: told as images are written.

    Raises:
        DataError: the source has no known layout, lacks classes, or has damaged images.
        FsbenchError: the disk is full.
    """
    options = options or Options()
    if source is None and benchmark.generate is None:
        source = fetch(benchmark)
    with (
        atomic_folder(folder) as draft,  # outside: the scratch folder must be gone when it renames
        _classes(benchmark, source, draft / _SCRATCH) as (layout, classes),
    ):
        missing = _check(benchmark, layout, classes, options)
        _write(benchmark, draft, (layout, missing), classes, options, progress)
    return open_store(folder)


@contextlib.contextmanager
def _classes(
    benchmark: Benchmark, source: Path | None, scratch: Path
) -> Iterator[tuple[str, list[ClassSource]]]:
    """Layout and classes of a source; an archive lies unpacked in ``scratch`` meanwhile."""
    if source is None:
        assert benchmark.generate is not None
        yield "generated", benchmark.generate()
    elif archives := _archives(benchmark, source):
        with unpacked(archives, scratch) as root:
            yield detect(benchmark, root, source)
    else:
        yield detect(benchmark, source)


def _archives(benchmark: Benchmark, source: Path) -> list[Path]:
    """The archives to unpack: the source itself, or downloads in a folder with no other layout."""
    if is_archive(source):
        return [source]
    if not source.is_dir() or any(layout.matches(source) for layout in benchmark.layouts):
        return []
    files = [source / download.file_name for download in benchmark.downloads]
    return [file for file in files if file.is_file()]


def detect(
    benchmark: Benchmark, source: Path, shown: Path | None = None
) -> tuple[str, list[ClassSource]]:
    """Find the layout of a source: its name and the classes it holds.

    Args:
        benchmark: whose layouts are tried.
        source: folder or file.
        shown: what to call it in messages; the path that the user gave.

    Raises:
        DataError: the path is missing or has none of the benchmark's layouts.
    """
    if not source.exists():
        raise DataError(f"{shown or source} does not exist")
    try:
        for layout in benchmark.layouts:
            if layout.matches(source):
                return layout.name, layout.scan(source)
    except OSError as error:
        raise DataError(f"{error.filename or source} can't be read: {error.strerror}") from error
    if not benchmark.layouts:
        raise DataError(f"{benchmark.name} is made here and has no source")
    known = "; ".join(layout.name for layout in benchmark.layouts)
    raise DataError(f"{shown or source} is no known layout of {benchmark.name}; known are: {known}")


def _check(
    benchmark: Benchmark, layout: str, classes: list[ClassSource], options: Options
) -> list[str]:
    """Names of the missing classes; raises DataError if the classes can't make a store."""
    missing = missing_classes(benchmark, classes)
    if missing and (not options.allow_missing_classes or not classes):
        raise DataError(missing_message(benchmark.name, missing, len(classes) + len(missing)))
    if not classes:
        raise DataError(f"{benchmark.name}: the source holds no classes ({layout})")
    reject_twice(classes)
    reject_odd_names(source.name for source in classes)
    return missing


def _write(
    benchmark: Benchmark,
    draft: Path,
    found: tuple[str, list[str]],
    classes: list[ClassSource],
    options: Options,
    progress: Progress,
) -> None:
    layout, missing = found
    ordered = sorted(classes, key=lambda c: (SPLITS.index(c.split), c.name))
    with (
        StoreWriter(benchmark, options.image_size, draft) as writer,
        ThreadPoolExecutor(options.jobs) as pool,
        warnings.catch_warnings(),  # here, because filters are shared by all threads
    ):
        warnings.simplefilter("ignore")  # odd EXIF blocks and palettes: harmless to the pixels
        for done, source in enumerate(ordered):
            for count in writer.add_class(source, pool, 4 * options.jobs):
                progress(count, done, len(ordered))
        progress(writer.count, len(ordered), len(ordered))
    if writer.corrupt and not options.skip_corrupt:
        raise DataError(writer.corrupt_message())
    if writer.empty and not options.allow_missing_classes:
        raise DataError(empty_message(benchmark.name, writer.empty))
    writer.finish(layout, missing)
