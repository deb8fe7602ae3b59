"""What a sweep has to do: cells that are missing, and trainings that they share. Imports torch."""

import collections
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fewshot_bench.config import RunConfig
from fewshot_bench.evaluation.result import stored_table
from fewshot_bench.files import digest, safe_name
from fewshot_bench.launch.job import Job
from fewshot_bench.launch.work import graph, stored_accuracy
from fewshot_bench.training.context import Run
from fewshot_bench.training.measure import check_possible
from fewshot_bench.training.run import MODEL, prepare_run
from fewshot_bench.training.stages import Stage
from fewshot_bench.training.subject import method_of


@dataclass(frozen=True)
class Cell:
    """One measurement of a sweep.

    Attributes:
        config: resolved.
        job: what would make it.
        accuracy: of the result that is there, a fraction; None if it is missing.
        seconds: that the result took to make; None if that is not known.
    """

    config: RunConfig
    job: Job
    accuracy: float | None
    seconds: float | None = None

    @property
    def row(self) -> tuple[str, str]:
        """Method, and data with the shape of episodes: what tables count together."""
        task = self.config.task
        shape = f"{task.n_way}-way {task.n_shot}-shot"
        return self.config.method, f"{self.config.benchmark} {shape}"


@dataclass(frozen=True)
class Plan:
    """All of a sweep.

    Attributes:
        cells: in the order of the file, those that are there included.
        stages: trainings that two or more missing cells share and that nobody has done.
    """

    cells: tuple[Cell, ...]
    stages: tuple[Job, ...]

    @property
    def missing(self) -> tuple[Cell, ...]:
        """Cells without a result."""
        return tuple(cell for cell in self.cells if cell.accuracy is None)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What is to be done, shared trainings first."""
        return (*self.stages, *(cell.job for cell in self.missing))

    def waves(self) -> list[list[Job]]:
        """The jobs in groups, each of which needs earlier groups only."""
        return waves(self.jobs)


def waves(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs in groups, each of which needs earlier groups only."""
    ids = {job.id for job in jobs}
    depth: dict[str, int] = {}
    for job in jobs:  # needs come before what needs them
        depth[job.id] = 1 + max((depth[need] for need in job.needs if need in ids), default=-1)
    groups: dict[int, list[Job]] = collections.defaultdict(list)
    for job in jobs:
        groups[depth[job.id]].append(job)
    return [groups[number] for number in sorted(groups)]


def make_plan(configs: Sequence[RunConfig], out: Path, device: str = "cpu") -> Plan:
    """Find out which cells are there and which trainings are shared.

    Args:
        configs: one for each cell.
        out: folder of the results.
        device: where jobs will compute; it decides no key.

    Raises:
        ConfigError: a cell can't be.
        DataError: data are not prepared.
    """
    seeds: dict[str, list[int]] = collections.defaultdict(list)
    for config in configs:
        seeds[_row(config)].append(config.train.seed)
    cells, runs = [], {}
    for config in configs:
        run = prepare_run(config, device)
        check_possible(run)
        cell = _cell(run, out, tuple(sorted(seeds[_row(config)])))
        cells.append(cell)
        if cell.accuracy is None:
            runs[cell.job.id] = run
    stages = _shared(runs)
    needed = {stage.id for stage in stages}
    return Plan(tuple(_with_needs(cell, runs, needed) for cell in cells), tuple(stages))


def _row(config: RunConfig) -> str:
    table = config.table()
    return digest({**table, "train": {**table["train"], "seed": 0}})


def _cell(run: Run, out: Path, seeds: tuple[int, ...]) -> Cell:
    config, name = run.config, run.store.manifest.benchmark
    # All that decides the result: data, code and training, and the settings that it will tell.
    key = digest(run.stage.id, method_of(run).config_sha256)
    words = f"{config.task.n_way}-way-{config.task.n_shot}-shot"
    folder = out.joinpath(*map(safe_name, (name, words, config.method, key))).absolute()
    title = f"{config.method} on {name} {words}, seed {config.train.seed}"
    job = Job(key, "cell", title, config.table(), folder=str(folder), seeds=seeds)
    accuracy = stored_accuracy(folder)
    return Cell(config, job, accuracy, _seconds(folder) if accuracy is not None else None)


def _seconds(folder: Path) -> float | None:
    timing = (stored_table(folder) or {}).get("timing", {})
    parts = [timing.get("train_s"), timing.get("total_s")]
    return sum(parts) if all(isinstance(part, int | float) for part in parts) else None


def _shared(runs: Mapping[str, Run]) -> list[Job]:
    """Jobs for the stages that two or more cells need and that are not trained yet."""
    users: collections.Counter[str] = collections.Counter()
    first: dict[str, tuple[Stage, Run]] = {}
    for run in runs.values():
        for stage_id, stage in graph(run.stage).items():
            users[stage_id] += 1
            first.setdefault(stage_id, (stage, run))
    wanted = {
        stage_id: (stage, run)
        for stage_id, (stage, run) in first.items()
        if users[stage_id] > 1 and not (stage.folder / MODEL).exists()
    }
    return [_stage_job(stage, run, set(wanted)) for stage, run in wanted.values()]


def _stage_job(stage: Stage, run: Run, wanted: set[str]) -> Job:
    needs = tuple(key for key in graph(stage) if key in wanted and key != stage.id)
    config = run.config
    title = f"{stage.name} of {config.method} on {config.benchmark}, seed {config.train.seed}"
    return Job(stage.id, "stage", title, config.table(), needs, stage=stage.id)


def _with_needs(cell: Cell, runs: Mapping[str, Run], shared: set[str]) -> Cell:
    if cell.accuracy is not None or not shared:
        return cell
    needs = tuple(key for key in graph(runs[cell.job.id].stage) if key in shared)
    return replace(cell, job=replace(cell.job, needs=needs))
