"""What a search knows after each generation, and its file."""

import collections
import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fewshot_bench.errors import ConfigError, DataError, TrainingError
from fewshot_bench.files import dump_json, load_json, write_atomic
from fewshot_bench.inner.losses.loss_file import SymbolicFile, TaylorFile
from fewshot_bench.search.archive import Archive
from fewshot_bench.search.spec import SearchSpec, open_problem

SCHEMA = 4


@dataclass(frozen=True)
class Report:
    """One generation.

    Attributes:
        generation: its number, from 0.
        counts: candidates by where their fitness came from (``new``, ``archived``, ``same
            gradients``), and new ones by verdict.
        best: lowest fitness so far; None where no candidate has one yet.
        loss: the candidate that has it.
        seconds: wall time.
    """

    generation: int
    counts: dict[str, int]
    best: float | None
    loss: str
    seconds: float


@dataclass(eq=False)
class State:
    """All that a search has found out.

    Attributes:
        generations: candidates of each generation.
        archive: what became of them.
        reports: one per generation.
    """

    generations: list[list[str]] = field(default_factory=list)
    archive: Archive = field(default_factory=Archive)
    reports: list[Report] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Sum of the counts of all generations."""
        total: collections.Counter[str] = collections.Counter()
        for report in self.reports:
            total.update(report.counts)
        return dict(total)


def save_state(path: Path, spec: SearchSpec, state: State) -> None:
    """Write everything, atomically."""
    table = {
        **_identity(spec),
        "generations": state.generations,
        "archive": state.archive.to_json(),
        "reports": [dataclasses.asdict(report) for report in state.reports],
    }
    write_atomic(path, dump_json(table))


def _identity(spec: SearchSpec) -> dict[str, Any]:
    """What a file must have to belong to a search."""
    data = open_problem(spec).data.fingerprint
    return {"schema": SCHEMA, "spec": dataclasses.asdict(spec), "fingerprint": data}


def load_state(path: Path, spec: SearchSpec) -> State:
    """The state in a file, or the empty one where there is no file.

    Raises:
        ConfigError: it belongs to another search.
        DataError: it is damaged.
    """
    if not path.exists():
        return State()
    table = load_json(path)
    try:
        if any(table[key] != value for key, value in _identity(spec).items()):
            raise ConfigError(
                f"{path} belongs to a search with other settings or other data; give another --out"
                " or remove it"
            )
        archive = Archive.from_json(table["archive"])
        reports = [Report(**report) for report in table["reports"]]
        return State(table["generations"], archive, reports)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged; remove it to search anew") from error


def found_loss(spec: SearchSpec, state: State) -> SymbolicFile | TaylorFile:
    """The best loss as a file, with all that leads to it.

    Raises:
        TrainingError: no candidate was worth anything.
    """
    loss, outcome = state.archive.best()
    if math.isinf(outcome.fitness):
        raise TrainingError("no loss was found yet; search for more generations")
    data = open_problem(spec).data
    facts: dict[str, Any] = {
        "task": data.task,
        "fitness": outcome.fitness,
        "provenance": {
            "search": dataclasses.asdict(spec),
            "fingerprint": data.fingerprint,
            "generations": len(state.generations),
            "counts": state.counts,
        },
    }
    if spec.method == "taylorglo":
        return TaylorFile(coefficients=list(outcome.weights), **facts)
    return SymbolicFile(expression=loss, weights=list(outcome.weights), **facts)
