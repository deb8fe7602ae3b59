"""Tuning: the same budget for every method, judged on validation classes. Imports torch."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import Field

from fewshot_bench.config import (
    RunConfig,
    Table,
    TuningConfig,
    merge_tables,
    read_toml,
    resolve,
    validated,
)
from fewshot_bench.config.model import Model
from fewshot_bench.config.run import SEEDS
from fewshot_bench.errors import ConfigError
from fewshot_bench.files import digest, safe_name, write_atomic
from fewshot_bench.launch.job import Job
from fewshot_bench.launch.space import Space, default_space, read_space
from fewshot_bench.launch.spec import Launch, Names, flat, nested
from fewshot_bench.launch.trial import Study, numbered, open_study, used_seconds
from fewshot_bench.registry import METHODS
from fewshot_bench.training.run import Run, prepare_run

CHECK = "settings"  # attribute of a study: what its trials have in common


class Budget(Model):
    """What each method may spend.

    Attributes:
        trials: settings that are tried, at most.
        steps: outer steps of each training; None for those of the settings. Methods that are not
            trained by episodes have none.
        seconds: of all trials of a method together; None for no such bound.
    """

    trials: int = Field(20, ge=1, le=10_000)
    steps: int | None = Field(None, ge=1)
    seconds: float | None = Field(None, gt=0)


class TuneSpec(Launch):
    """The file of a tuning.

    Attributes:
        methods: registered names.
        benchmark: registered name, or ``folder:PATH``.
        seed: training seed of all trials. Take none that you will report.
        episodes: validation episodes that judge each trial.
        episode_seed: their list. Trainings select their parameters on list 0.
        prune: stop trials whose validations are below the median of the others.
        budget: of each method.
        settings: of every trial, as in a file for ``evaluate --config``.
        per_method: settings of some methods, by name.
        space: what is tuned, of every method: ``"train.lr" = {low = 1e-4, high = 1e-2, log =
            true}`` or ``{choices = [1, 5]}``. Without it, learning rates around their values.
        per_method_space: the same for some methods, by name, besides ``space``.
    """

    methods: Names
    benchmark: str
    seed: int = Field(1000, ge=0, lt=SEEDS)
    episodes: int = Field(200, ge=1)
    episode_seed: int = Field(1, ge=1, lt=SEEDS)
    prune: bool = True
    budget: Budget = Budget()
    settings: Table = Field(default_factory=dict)
    per_method: dict[str, Table] = Field(default_factory=dict)
    space: Table = Field(default_factory=dict)
    per_method_space: dict[str, Table] = Field(default_factory=dict)


@dataclass(frozen=True)
class Tuning:
    """The tuning of one method.

    Attributes:
        run: its configuration before anything is drawn.
        given: settings of the file, without those of recipes.
        study: what its trials have to know.
        budget: how many there are.
        folder: of the storage.
    """

    run: Run
    given: Table
    study: Study
    budget: Budget
    folder: Path

    def jobs(self) -> list[Job]:
        """Its trials, those that are done included: they answer at once."""
        config, title = self.run.config.table(), f"{self.study.name} on {self.run.config.benchmark}"
        study, folder = self.study.model_dump(), str(self.folder.absolute())
        return [
            Job(
                f"{safe_name(self.study.name)}-{number}",
                "trial",
                f"trial {number} of {title}",
                config,
                folder=folder,
                number=number,
                study=study,
            )
            for number in range(self.budget.trials)
        ]


@dataclass(frozen=True)
class Chosen:
    """What came of the tuning of one method.

    Attributes:
        accuracy: of the best trial on validation classes, a fraction; None if none was finished.
        settings: of the best trial, by dotted name.
        states: how many trials ended how: ``complete``, ``pruned``, ``fail``.
        seconds: of all trials.
        n_candidates: accuracies that were looked at.
    """

    accuracy: float | None
    settings: dict[str, Any]
    states: dict[str, int]
    seconds: float
    n_candidates: int


def read_tuning(path: Path) -> TuneSpec:
    """Read the file of a tuning.

    Raises:
        ConfigError: a setting is unknown or impossible, or chooses what is measured: trials are
            judged on validation classes and on nothing else.
    """
    spec = validated(TuneSpec, read_toml(path))
    unused = sorted({*spec.per_method, *spec.per_method_space} - set(spec.methods))
    if unused:
        raise ConfigError(f"the file has settings of {unused[0]}, which is not among methods")
    tables = (spec.settings, spec.space, *spec.per_method.values(), *spec.per_method_space.values())
    for name in (name for table in tables for name in flat(table)):
        if name.partition(".")[0] in ("evaluate", "tuning"):
            raise ConfigError(
                f"{name} has no place in a tuning: trials are judged on validation classes, see"
                " episodes and episode_seed"
            )
        if name in ("method", "benchmark", "train.seed"):
            raise ConfigError(f"{name} is said as {name.rpartition('.')[2]} of the file itself")
    return spec


def make_tunings(spec: TuneSpec, folder: Path) -> list[Tuning]:
    """One tuning for each method.

    Raises:
        ConfigError: a name is unknown, the data have no validation classes, or the folder holds
            trials of other settings.
    """
    for name in spec.methods:
        METHODS.entry(name)
    if len(set(spec.methods)) < len(spec.methods):
        raise ConfigError("methods has a name twice")
    return [_tuning(spec, name, folder) for name in spec.methods]


def _tuning(spec: TuneSpec, name: str, folder: Path) -> Tuning:
    named: Table = {"method": name, "benchmark": spec.benchmark}
    given = merge_tables(spec.settings, spec.per_method.get(name, {}), named)
    budget = {} if spec.budget.steps is None else {"train": {"steps": spec.budget.steps}}
    given = merge_tables(given, budget)
    config = resolve(merge_tables(given, {"train": {"seed": spec.seed}}))
    run = prepare_run(config, "cpu")
    if not run.store.manifest.classes.get("val"):
        raise ConfigError(f"{spec.benchmark} has no validation classes to tune on")
    study = Study(
        name=name,
        space=_space(spec, run),
        episodes=spec.episodes,
        episode_seed=spec.episode_seed,
        seconds=spec.budget.seconds,
        prune=spec.prune,
        seed=spec.seed,
    )
    _check_same(folder, study, run.config)
    return Tuning(run, given, study, spec.budget, folder)


def _space(spec: TuneSpec, run: Run) -> Space:
    name = run.config.method
    own = read_space(spec.per_method_space.get(name, {}), f"per_method_space.{name}")
    space = {**read_space(spec.space, "space"), **own} or default_space(run)
    if not space:
        raise ConfigError(f"{name} has no learning rate to tune; say per_method_space.{name}")
    return space


def _check_same(folder: Path, study: Study, config: RunConfig) -> None:
    """Raise ConfigError where trials in a folder were made with other settings than these."""
    mine = digest(study.model_dump(exclude={"seconds"}), config.table())
    opened = open_study(folder, study)
    there = opened.user_attrs.get(CHECK)
    if there is None:
        opened.set_user_attr(CHECK, mine)
    elif there != mine:
        raise ConfigError(
            f"{folder} holds trials of {study.name} with other settings; take another --out"
        )


def interleaved(tunings: Sequence[Tuning]) -> list[Job]:
    """The trials of all methods, the first of each before the second of any."""
    jobs = [tuning.jobs() for tuning in tunings]
    return [job for same in zip(*jobs, strict=True) for job in same]


def chosen(tuning: Tuning) -> Chosen:
    """The best trial of a method so far, and what was spent on it."""
    opened = open_study(tuning.folder, tuning.study)
    trials = numbered(opened)
    finished = {n: trial for n, trial in trials.items() if trial.state.is_finished()}
    values = {n: trial.value for n, trial in finished.items() if trial.value is not None}
    # Of equal accuracies the first, whichever process was quicker.
    best = max(values, key=lambda n: (values[n], -n), default=None)
    names = [trial.state.name.lower() for trial in finished.values()]
    looked = sum(len(trial.intermediate_values) for trial in finished.values())
    return Chosen(
        accuracy=None if best is None else float(values[best]),
        settings={} if best is None else dict(trials[best].params),
        states={name: names.count(name) for name in sorted(set(names))},
        seconds=used_seconds(opened),
        n_candidates=looked + len(values),
    )


def settings_file(tuning: Tuning, found: Chosen) -> bytes:
    """The chosen settings as TOML, for ``evaluate --config`` or ``per_method`` of a sweep."""
    config = tuning.run.config
    task = config.task
    told = TuningConfig(
        on=f"{tuning.run.store.manifest.benchmark} {task.n_way}-way {task.n_shot}-shot",
        trials=tuning.budget.trials,
        steps=tuning.budget.steps,
        seconds=tuning.budget.seconds,
        episodes=tuning.study.episodes,
        n_candidates=max(1, found.n_candidates),
    )
    about = {"tuning": told.model_dump(exclude_none=True)}
    table = merge_tables(tuning.given, nested(found.settings), about)
    text = f"# Chosen by fsbench tune: {100 * (found.accuracy or 0):.2f} % on validation classes.\n"
    return (text + tomli_w.dumps(_plain(table))).encode()


def _plain(table: Mapping[str, Any]) -> Table:
    return {k: _plain(v) if isinstance(v, Mapping) else v for k, v in table.items()}


def write_chosen(tuning: Tuning, found: Chosen) -> Path:
    """Write the chosen settings beside the storage; gives the file's place."""
    path = tuning.folder / f"{safe_name(tuning.study.name)}.toml"
    write_atomic(path, settings_file(tuning, found))
    return path


def as_table(found: Chosen) -> Table:
    """JSON form."""
    return dataclasses.asdict(found)
