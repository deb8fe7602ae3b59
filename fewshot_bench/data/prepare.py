"""Read a source once, write a store: the work behind ``fsbench data prepare``.

Images are decoded by a few threads and written in id order as they come, so that memory stays flat
however large the data set is. The store's folder appears under its name only when it is whole.
"""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fewshot_bench.data.archives import is_archive, unpacked
from fewshot_bench.data.benchmark import SPLITS, Benchmark, ClassSource
from fewshot_bench.data.checks import (
    assigned,
    composed,
    empty_message,
    missing_classes,
    missing_message,
    reject_more,
    reject_odd_names,
    reject_twice,
    without_small,
)
from fewshot_bench.data.detect import detect, matches
from fewshot_bench.data.download import fetch
from fewshot_bench.data.images import Decoding, Fit, depth
from fewshot_bench.data.leftovers import leftovers
from fewshot_bench.data.notices import Notice
from fewshot_bench.data.split import RandomSplit
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
        fit: how images become square, see :class:`fewshot_bench.data.images.Decoding`.
        min_images: leave classes with fewer images out, and name them.
        split: rule for data without a split of their own; None takes the benchmark's.
        jobs: decoding threads.
    """

    image_size: int | None = None
    allow_missing_classes: bool = False
    skip_corrupt: bool = False
    fit: Fit = "squeeze"
    min_images: int = 1
    split: RandomSplit | None = None
    jobs: int = field(default_factory=lambda: min(8, os.cpu_count() or 1))

    def record(self) -> dict[str, Any]:
        """All that decides the result, for the manifest; :meth:`from_record` reads it back."""
        return {name: value for name, value in asdict(self).items() if name != "jobs"}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "Options":
        """The options that a manifest tells; those of an older one are the defaults."""
        split = record.get("split")
        return cls(**{**record, "split": RandomSplit(**split) if split else None})


@dataclass(frozen=True)
class _Source:
    """What was found: where the files lie, the layout's name and the classes."""

    root: Path | None
    layout: str
    classes: list[ClassSource]


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
        _opened(benchmark, source, draft / _SCRATCH) as found,
    ):
        _Preparation(benchmark, found, options, draft, progress).run()
    return open_store(folder)


@contextlib.contextmanager
def _opened(benchmark: Benchmark, source: Path | None, scratch: Path) -> Iterator[_Source]:
    """Layout and classes of a source; an archive lies unpacked in ``scratch`` meanwhile."""
    if source is None:
        assert benchmark.generate is not None
        yield _Source(None, "generated", benchmark.generate())
    elif archives := _archives(benchmark, source):
        with _called(scratch, source), unpacked(archives, scratch) as root:
            yield _Source(root, *detect(benchmark, root, source))
    else:
        yield _Source(source if source.is_dir() else None, *detect(benchmark, source))


@contextlib.contextmanager
def _called(scratch: Path, source: Path) -> Iterator[None]:
    """Messages name the archive, as the user did, and not the folder where it lies unpacked."""
    try:
        yield
    except DataError as error:
        raise DataError(str(error).replace(str(scratch), str(source))) from error


def _archives(benchmark: Benchmark, source: Path) -> list[Path]:
    """The archives to unpack: the source itself, or downloads in a folder with no other layout."""
    if is_archive(source):
        return [source]
    if not source.is_dir() or matches(benchmark, source):
        return []
    files = [source / download.file_name for download in benchmark.downloads]
    return [file for file in files if file.is_file()]


@dataclass(frozen=True)
class _Preparation:
    """One source on its way into one store."""

    benchmark: Benchmark
    source: _Source
    options: Options
    draft: Path
    progress: Progress

    def run(self) -> None:
        """Check the classes, write the images, then say what was noticed."""
        found = composed(self.source.classes)
        missing = self._checked(found)
        classes, split, small = self._selected(found)
        writer = self._written(classes, self._decoding(16))
        if writer.deepest > 0 and (bits := depth(writer.deepest)) < 16:
            # Only when all images are known can be told how many bits they use.
            writer = self._written(classes, self._decoding(bits))
        notices = [*small, *self._leftovers(writer), *writer.notices()]
        writer.finish(
            self.source.layout,
            missing if self.benchmark.is_open else [*missing, *_left_out(found, classes)],
            notices=[notice.as_json() for notice in notices],
            split=split.record() if split else None,
            options=self.options.record(),
        )

    def _decoding(self, bits: int) -> Decoding:
        b = self.benchmark
        size = self.options.image_size or b.image_size
        return Decoding(size, b.channels, b.invert, self.options.fit, b.upright, bits)

    def _checked(self, classes: list[ClassSource]) -> list[str]:
        """Names of the missing classes; raises DataError if the classes can't make a store."""
        name, missing = self.benchmark.name, missing_classes(self.benchmark, classes)
        if missing and (not self.options.allow_missing_classes or not classes):
            raise DataError(missing_message(name, missing, len(classes) + len(missing)))
        if not classes:
            raise DataError(f"{name}: the source holds no classes ({self.source.layout})")
        reject_more(self.benchmark, len(classes))
        reject_twice(classes)
        reject_odd_names(source.name for source in classes)
        return missing

    def _selected(
        self, found: list[ClassSource]
    ) -> tuple[list[ClassSource], RandomSplit | None, list[Notice]]:
        """The classes to write, each in a split, the rule that drew it, and what was left out.

        Small classes of a known data set are left out after the split is drawn, so that they do
        not move the others; of a user's own folder before, so that the fractions are right.
        """
        benchmark, fewest, rule = self.benchmark, self.options.min_images, self.options.split
        if benchmark.is_open:
            found, small = without_small(found, fewest)
        classes, split = assigned(found, benchmark, rule)
        if not benchmark.is_open:
            classes, small = without_small(classes, fewest)
        if not classes:
            raise DataError(f"{benchmark.name}: no class has {fewest} images or more")
        return classes, split, small

    def _written(self, classes: list[ClassSource], how: Decoding) -> StoreWriter:
        ordered = sorted(classes, key=lambda c: (SPLITS.index(c.split or "test"), c.name))
        jobs = self.options.jobs
        with (
            StoreWriter(self.benchmark, how, self.draft) as writer,
            ThreadPoolExecutor(jobs) as pool,
            warnings.catch_warnings(),  # here, because filters are shared by all threads
        ):
            warnings.simplefilter("ignore")  # odd EXIF blocks and palettes: harmless to the pixels
            for done, source in enumerate(ordered):
                for count in writer.add_class(source, pool, jobs):
                    self.progress(count, done, len(ordered))
            self.progress(writer.count, len(ordered), len(ordered))
        self._reject_damaged(writer)
        return writer

    def _reject_damaged(self, writer: StoreWriter) -> None:
        if writer.corrupt and not self.options.skip_corrupt:
            raise DataError(writer.corrupt_message())
        if writer.count == len(writer.corrupt):
            raise DataError(writer.none_left_message())
        if writer.empty and not self.options.allow_missing_classes:
            raise DataError(empty_message(self.benchmark.name, writer.empty))

    def _leftovers(self, writer: StoreWriter) -> list[Notice]:
        """Files of the source that were not read; nothing can be said of big files of arrays."""
        if self.source.root is None or not writer.read:
            return []
        return leftovers(self.source.root, writer.read)


def _left_out(found: list[ClassSource], kept: list[ClassSource]) -> list[str]:
    """Names of the classes that are not kept."""
    return sorted({source.name for source in found} - {source.name for source in kept})
