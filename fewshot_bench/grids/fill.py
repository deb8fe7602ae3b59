"""Measure the cells of a grid that are not there yet, and go on where one fails."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.errors import DataError, FsbenchError, Interrupted, ResultError, one_line
from fewshot_bench.evaluation.result import another_result, read_result, stored_table, write_result
from fewshot_bench.files import safe_name
from fewshot_bench.grids.column import Column, Expected
from fewshot_bench.grids.embeddings import columns
from fewshot_bench.grids.request import Request
from fewshot_bench.training.fit import Observer

# What a classifier may raise on features that it can't cope with; a grid goes on with the next.
FAILURES = (FsbenchError, ArithmeticError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Cell:
    """One method on one set of weights.

    Attributes:
        embedding: name.
        method: registered name.
        n_shot: support images per class.
        seed: of the training.
    """

    embedding: str
    method: str
    n_shot: int
    seed: int

    def folder(self, root: Path, sampler: str) -> Path:
        """Where its result lies."""
        protocol = f"{self.n_shot}-shot-{safe_name(sampler)}"
        names = (safe_name(self.embedding), protocol, safe_name(self.method))
        return root.joinpath(*names, f"seed-{self.seed}")

    def __str__(self) -> str:
        return f"{self.method} on {self.embedding}, {self.n_shot}-shot, seed {self.seed}"


@dataclass(frozen=True)
class Filled:
    """What was done.

    Attributes:
        cells: those that have a result now, whoever measured it.
        failures: one line for each that has none.
    """

    cells: tuple[Cell, ...]
    failures: tuple[str, ...]


def fill(
    embeddings: Mapping[str, str],
    request: Request,
    root: Path,
    observer: Observer,
    *,
    overwrite: bool = False,
) -> Filled:
    """Measure every cell that the folder does not hold.

    Args:
        embeddings: paths by name, see :func:`fewshot_bench.grids.embeddings.columns`.
        request: methods and episodes.
        root: folder of the grid.
        observer: told of trainings, and of the cells of each set of weights as steps.
        overwrite: whether other results in its way are replaced.
    """
    log = _Log()
    for name, path in embeddings.items():
        found: list[Column] = []
        with log.going_on(name):
            found = columns(name, path, request)
        for column in found:
            _fill_column(column, root, observer, overwrite, log)
            column.release()
    return Filled(tuple(log.cells), tuple(log.failures))


class _Log:
    """What there is, and what failed."""

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self.failures: list[str] = []

    @contextmanager
    def going_on(self, what: object) -> Iterator[None]:
        """Note an error of the block in one line, and go on behind it."""
        try:
            yield
        except Interrupted:
            raise
        except FAILURES as error:
            self.failures.append(f"{what}: {one_line(str(error))[:300]}")


def _fill_column(
    column: Column, root: Path, observer: Observer, overwrite: bool, log: _Log
) -> None:
    """Measure what is missing of one set of weights."""
    missing: list[tuple[Cell, Path]] = []
    for cell in _cells(column):
        folder = cell.folder(root, column.request.sampler)
        with log.going_on(cell):
            if _there(folder, column, cell, overwrite):
                log.cells.append(cell)
            else:
                missing.append((cell, folder))
    if not missing:
        return
    ready = False
    with log.going_on(f"{column.name}, seed {column.seed}"):
        column.prepare(observer)
        ready = True
    observer.begin(f"{column.name}, seed {column.seed}", len(missing), 1)
    for done, (cell, folder) in enumerate(missing if ready else (), start=1):
        with log.going_on(cell):
            write_result(column.measure(cell.method, cell.n_shot), folder, overwrite=True)
            log.cells.append(cell)
        observer.step(done, 1, 0.0)


def _cells(column: Column) -> Iterator[Cell]:
    request = column.request
    for n_shot in request.shots:
        for method in request.methods:
            yield Cell(column.name, method, n_shot, column.seed)


def _there(folder: Path, column: Column, cell: Cell, overwrite: bool) -> bool:
    """Whether a cell's result is there and whole; raises ResultError if another one is."""
    table = stored_table(folder)
    if table is None:
        return False
    expected: Expected = column.expected(cell.method, cell.n_shot)
    if table and not expected(table):
        if overwrite:
            return False
        raise ResultError(another_result(folder))
    try:
        read_result(folder)
    except (DataError, ResultError):
        return False  # damaged: it is measured again
    return True
