"""One trial of a tuning: settings from Optuna, a training that may be pruned, an accuracy.

A trial is as idempotent as a cell. Its number says which it is, its settings are in the study from
the moment they are drawn, and its training is found again by its key: a trial whose process was
killed goes on with the same settings from the state on disk.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fewshot_bench.config import RunConfig, merge_tables, validated
from fewshot_bench.config.model import Model
from fewshot_bench.errors import ConfigError, TrainingError
from fewshot_bench.evaluation.predict import accuracy
from fewshot_bench.files import sha256
from fewshot_bench.interface.observer import Quiet
from fewshot_bench.launch.job import Job, Place
from fewshot_bench.launch.space import Range, Space
from fewshot_bench.launch.spec import nested
from fewshot_bench.lock import locked
from fewshot_bench.training.run import Run, prepare_run, train

STORAGE = "studies.journal"
NUMBER, SECONDS = "number", "seconds"  # attributes of a trial
STARTUP = 5  # trials that are drawn at random and never pruned


class Study(Model):
    """What a trial has to know of the study that it belongs to.

    Attributes:
        name: of the method.
        space: what may be drawn.
        episodes: validation episodes that judge.
        episode_seed: their list, which is not the one that trainings select by.
        seconds: budget of all trials together; None for no such bound.
        prune: whether trials that look bad are stopped.
        seed: of the draws.
    """

    name: str
    space: dict[str, Range]
    episodes: int
    episode_seed: int
    seconds: float | None
    prune: bool
    seed: int


def optuna_module() -> Any:
    """Optuna, without its log lines; raises ConfigError where it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise ConfigError("fsbench tune needs Optuna: pip install 'fewshot-bench[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def open_study(folder: Path, study: Study, number: int = 0) -> Any:
    """The study of one method in the storage of a folder, made if need be.

    Args:
        folder: of the tuning.
        study: what it is about.
        number: of the trial that will be drawn, which seeds its draw.
    """
    optuna = optuna_module()
    folder.mkdir(parents=True, exist_ok=True)
    backend = optuna.storages.journal.JournalFileBackend(str(folder / STORAGE))
    seed = int(sha256(f"{study.name} {study.seed} {number}".encode())[:8], 16)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP)
    return optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP),
        pruner=pruner if study.prune else optuna.pruners.NopPruner(),
        study_name=study.name,
        direction="maximize",
        load_if_exists=True,
    )


def numbered(study: Any) -> dict[int, Any]:
    """The trials of a study by their numbers in the tuning."""
    known = (trial for trial in study.get_trials(deepcopy=False) if NUMBER in trial.user_attrs)
    return {trial.user_attrs[NUMBER]: trial for trial in known}


def used_seconds(study: Any) -> float:
    """What all trials that have ended took together."""
    return float(sum(trial.user_attrs.get(SECONDS, 0.0) for trial in numbered(study).values()))


def try_settings(job: Job, place: Place) -> float | None:
    """Do one trial, or go on with it; its accuracy, None if it was pruned, failed or not begun."""
    study, folder = validated(Study, job.study), Path(job.folder)
    with locked(folder / f"{study.name}-{job.number}", f"trial {job.number} of {study.name}"):
        opened = open_study(folder, study, job.number)
        there = numbered(opened).get(job.number)
        if there is not None and there.state.is_finished():
            return None if there.value is None else float(there.value)
        spent = used_seconds(opened)
        if study.seconds is not None and spent >= study.seconds:
            return None
        trial = _begun(opened, there, job.number)
        left = None if study.seconds is None else study.seconds - spent
        return _tried(job, place, study, opened, trial, left)


def _begun(opened: Any, there: Any, number: int) -> Any:
    """A new trial, or the one that a process began which is gone."""
    if there is not None:
        return optuna_module().trial.Trial(opened, there._trial_id)
    trial = opened.ask()
    trial.set_user_attr(NUMBER, number)
    return trial


def _tried(
    job: Job, place: Place, study: Study, opened: Any, trial: Any, left: float | None
) -> float | None:
    optuna, start = optuna_module(), time.monotonic()
    chosen = nested(drawn(trial, study.space))
    config = validated(RunConfig, merge_tables(job.config, chosen))
    state, value = optuna.trial.TrialState.COMPLETE, None
    try:
        run = prepare_run(config, place.device, place.workers)
        model = train(run, Reporter(trial, left))
        value = _judged(run, model.params, study)
    except optuna.TrialPruned:
        state = optuna.trial.TrialState.PRUNED
    except TrainingError:  # it diverged, which says enough of its settings
        state = optuna.trial.TrialState.FAIL
    trial.set_user_attr(SECONDS, time.monotonic() - start)
    opened.tell(trial, value, state=state)
    return value


def drawn(trial: Any, space: Space) -> dict[str, Any]:
    """A value for each setting; the same ones when the trial has drawn before."""
    return {name: _draw(trial, name, one) for name, one in sorted(space.items())}


def _draw(trial: Any, name: str, one: Range) -> Any:
    if one.choices is not None:
        return trial.suggest_categorical(name, one.choices)
    suggest: Callable[..., Any] = trial.suggest_int if one.whole else trial.suggest_float
    return suggest(name, one.low, one.high, log=one.log)


def _judged(run: Run, params: Any, study: Study) -> float:
    """Mean accuracy on validation classes, a fraction."""
    loader = run.loader("val", run.test_task, study.episode_seed)
    return float(accuracy(run.method, params, loader, study.episodes).mean())


class Reporter(Quiet):
    """Tells Optuna of validations, and stops a training that it would prune.

    Args:
        trial: of Optuna.
        left: seconds that the study may still take; None for no bound.
    """

    def __init__(self, trial: Any, left: float | None) -> None:
        self._trial, self._left, self._start = trial, left, time.monotonic()
        self._stage = ""

    def begin(self, what: str, steps: int, per_step: int) -> None:  # noqa: ARG002
        """Remember what is trained: only the method's own training is compared."""
        self._stage = what

    def validation(self, step: int, accuracy: float, best: float) -> None:  # noqa: ARG002
        """Report the best so far; raises ``TrialPruned`` where it is not worth going on."""
        optuna = optuna_module()
        if self._stage == "training":
            self._trial.report(best, step)
            if self._trial.should_prune():
                raise optuna.TrialPruned
        if self._left is not None and time.monotonic() - self._start > self._left:
            raise optuna.TrialPruned
