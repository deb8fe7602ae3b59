"""The file of a sweep: which methods, data and settings, and where the work is done."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from fewshot_bench.config import RunConfig, Table, merge_tables, read_toml, resolve, validated
from fewshot_bench.config.model import Model
from fewshot_bench.config.run import SEEDS
from fewshot_bench.errors import ConfigError
from fewshot_bench.registry import BACKBONES, BENCHMARKS, METHODS

AXES = {  # settings that have a key of their own in the file of a sweep
    "method": "methods",
    "benchmark": "benchmarks",
    "backbone": "backbones",
    "task.n_way": "ways",
    "task.n_shot": "shots",
    "train.seed": "seeds",
}
Names = Annotated[list[str], Field(min_length=1)]
Shots = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
Ways = Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)]
Seeds = Annotated[list[Annotated[int, Field(ge=0, lt=SEEDS)]], Field(min_length=1)]


class SlurmSpec(Model):
    """What is asked of Slurm for each job.

    Attributes:
        partition: its name; None for the default one.
        time: minutes that a job may take.
        restarts: how often a job goes on from its state after its time was over.
        gpus: of each job.
        cpus: of each job; None for the threads of a job.
        memory_gb: of each job; None for the default of the cluster.
        parallel: how many jobs of an array run at once, at most.
        account: who pays.
        qos: quality of service.
        constraint: features that a node must have.
        setup: shell lines that run before each job, as ``module load cuda``.
        more: further options of ``sbatch`` by name.
        cluster: ``local`` and ``debug`` try the same without Slurm.
    """

    partition: str | None = None
    time: int = Field(240, ge=1)
    restarts: int = Field(20, ge=0)
    gpus: int = Field(0, ge=0)
    cpus: int | None = Field(None, ge=1)
    memory_gb: float | None = Field(None, gt=0)
    parallel: int = Field(64, ge=1)
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    setup: list[str] = Field(default_factory=list)
    more: Table = Field(default_factory=dict)
    cluster: Literal["slurm", "local", "debug"] = "slurm"


class RaySpec(Model):
    """What is asked of Ray for each job.

    Attributes:
        cpus: of each job; None for the threads of a job.
        gpus: of each job; 0.25 lets four jobs share one.
    """

    cpus: float | None = Field(None, gt=0)
    gpus: float = Field(0, ge=0)


class Launch(Model):
    """Where and how jobs run.

    Attributes:
        out: folder of the results.
        device: cpu, cuda or auto.
        threads: of each job. Sums depend on it in their last bits, so the number of jobs at once
            does not change it.
        workers: threads of each job that load ahead.
        retries: how often a job is tried again that was killed or whose machine was lost.
        plugins: Python files that register more.
        slurm: for ``--engine slurm``.
        ray: for ``--engine ray``.
    """

    out: str | None = None
    device: str = "auto"
    threads: int = Field(1, ge=1)
    workers: int = Field(0, ge=0)
    retries: int = Field(2, ge=0)
    plugins: list[str] = Field(default_factory=list)
    slurm: SlurmSpec = SlurmSpec()
    ray: RaySpec = RaySpec()


class SweepSpec(Launch):
    """A table of measurements: every combination of the lists.

    Attributes:
        methods: registered names.
        benchmarks: registered names, or ``folder:PATH``.
        backbones: registered names; None for that of the recipe.
        ways: classes of an episode; None for that of the settings.
        shots: support images of each class; None for that of the settings.
        seeds: training seeds.
        settings: of every cell, as in a file for ``evaluate --config``.
        grid: lists of values by dotted name of a setting.
        per_method: settings of some methods, by name: a table, or the path of a TOML file such as
            ``fsbench tune`` writes.
    """

    methods: Names
    benchmarks: Names
    backbones: Names | None = None
    ways: Ways | None = None
    shots: Shots | None = None
    seeds: Seeds = Field(default_factory=lambda: [0])
    settings: Table = Field(default_factory=dict)
    grid: Table = Field(default_factory=dict)
    per_method: dict[str, Table | str] = Field(default_factory=dict)


def read_sweep(path: Path) -> SweepSpec:
    """Read the file of a sweep; raises ConfigError that says what is wrong with it."""
    return validated(SweepSpec, read_toml(path))


def configurations(spec: SweepSpec) -> list[RunConfig]:
    """Every cell of a sweep, seeds of one row side by side.

    Raises:
        ConfigError: a name or setting is unknown, out of range, given twice, or no list.
    """
    _check_names(spec)
    per_method = {name: _settings_of(given, name) for name, given in spec.per_method.items()}
    cells = [
        resolve(merge_tables(spec.settings, per_method.get(axes["method"], {}), nested(axes)))
        for axes in _combinations(spec)
    ]
    texts = [cell.to_toml() for cell in cells]
    if len(set(texts)) < len(texts):
        raise ConfigError("two cells of the sweep have the same settings; name each value once")
    return cells


def _check_names(spec: SweepSpec) -> None:
    for registry, names in (
        (METHODS, [*spec.methods, *spec.per_method]),
        (BACKBONES, spec.backbones or []),
        (BENCHMARKS, [name.partition(":")[0] for name in spec.benchmarks]),
    ):
        for name in names:
            registry.entry(name)
    if unused := sorted(set(spec.per_method) - set(spec.methods)):
        raise ConfigError(f"per_method has settings of {unused[0]}, which is not among methods")
    for where, table in (("settings", spec.settings), ("grid", spec.grid)):
        for name in flat(table):
            if name in AXES:
                raise ConfigError(f"{where} has {name}; a sweep says it as {AXES[name]} = [...]")


def _combinations(spec: SweepSpec) -> Iterator[dict[str, Any]]:
    """Dotted names and values of what differs between cells."""
    grid = flat(spec.grid)
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise ConfigError(f"grid: {name} takes a list of values, not {values!r}")
    axes: dict[str, list[Any] | None] = {
        "benchmark": spec.benchmarks,
        "backbone": spec.backbones,
        "task.n_way": spec.ways,
        "task.n_shot": spec.shots,
        "method": spec.methods,
        **grid,
        "train.seed": spec.seeds,
    }
    known = {name: values for name, values in axes.items() if values is not None}
    for combination in itertools.product(*known.values()):
        yield dict(zip(known, combination, strict=True))


def _settings_of(given: Table | str, method: str) -> Table:
    """Settings of one method without those that the sweep itself says."""
    table = given if isinstance(given, dict) else read_toml(Path(given).expanduser())
    if table.get("method", method) != method:
        raise ConfigError(f"per_method: {given} has settings of {table['method']}, not {method}")
    return without_axes(table)


def without_axes(table: Mapping[str, Any], prefix: str = "") -> Table:
    """A table of settings without those that have a key of their own in a sweep."""
    return {
        key: without_axes(value, f"{prefix}{key}.") if isinstance(value, dict) else value
        for key, value in table.items()
        if f"{prefix}{key}" not in AXES
    }


def flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables, or tables with dotted keys, as values by dotted name."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found


def nested(settings: Mapping[str, Any]) -> Table:
    """Values by dotted name as nested tables."""
    return merge_tables(*(_nest(name.split("."), value) for name, value in settings.items()))


def _nest(parts: list[str], value: Any) -> Table:
    for part in reversed(parts):
        value = {part: value}
    return dict(value)
