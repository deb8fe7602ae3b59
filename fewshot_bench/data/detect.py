"""Which layout a source has, at whatever depth the data lie in it."""

from collections.abc import Sequence
from pathlib import Path

from fewshot_bench.data.archives import is_archive
from fewshot_bench.data.benchmark import Benchmark, ClassSource, Layout
from fewshot_bench.data.walk import folders, levels
from fewshot_bench.errors import DataError
from fewshot_bench.reading import require_regular, understood


def detect(
    benchmark: Benchmark, source: Path, shown: Path | None = None
) -> tuple[str, list[ClassSource]]:
    """Find the layout of a source: its name and the classes it holds.

    The source itself is tried first, then the folders in it, level by level.

    Args:
        benchmark: whose layouts are tried.
        source: folder or file.
        shown: what to call it in messages; the path that the user gave.

    Raises:
        DataError: the path is missing, has none of the benchmark's layouts, or has several at the
            same depth.
    """
    shown = shown or source
    if not source.exists():
        raise DataError(f"{shown} does not exist")
    if not benchmark.layouts:
        raise DataError(f"{benchmark.name} is made here and has no source")
    try:
        require_regular(source)
        found = _find(benchmark, source, shown)
        if found is None:
            raise DataError(_unknown(benchmark, source, shown))
        layout, place = found
        with understood(place, f"whole {layout.name}"):
            return layout.name, layout.scan(place)
    except OSError as error:
        raise DataError(f"{error.filename or source} can't be read: {error.strerror}") from error


def matches(benchmark: Benchmark, source: Path) -> bool:
    """Whether a folder or file itself, not one deeper in it, has a layout of the benchmark."""
    return any(layout.matches(source) for layout in benchmark.layouts if not layout.last_resort)


def _find(benchmark: Benchmark, source: Path, shown: Path) -> tuple[Layout, Path] | None:
    for last in (False, True):
        layouts = [layout for layout in benchmark.layouts if layout.last_resort == last]
        for level in levels(source):
            places = [(found, place) for place in level if (found := _first(layouts, place))]
            if len(places) > 1:
                names = [place.relative_to(source).as_posix() for _, place in places]
                raise DataError(_several(shown, names))
            if places:
                return places[0]
    return None


def _first(layouts: Sequence[Layout], place: Path) -> Layout | None:
    return next((layout for layout in layouts if layout.matches(place)), None)


def _several(shown: Path, names: Sequence[str]) -> str:
    some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{shown} holds {len(names)} data sets ({some}); name one of them"


def _unknown(benchmark: Benchmark, source: Path, shown: Path) -> str:
    known = "; ".join(dict.fromkeys(layout.name for layout in benchmark.layouts))
    message = f"{shown} is no known layout of {benchmark.name}; known are: {known}"
    packed = [file.name for folder in folders(source, 2) for file in _archives(folder)]
    return f"{message}; it holds an archive, {packed[0]}: name that" if packed else message


def _archives(folder: Path) -> list[Path]:
    return (
        [file for file in sorted(folder.iterdir()) if is_archive(file)] if folder.is_dir() else []
    )
