"""What a process does with a job: the same whatever engine started it. Imports torch."""

import contextlib
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import torch

from fewshot_bench.config import RunConfig, validated
from fewshot_bench.errors import FsbenchError, Interrupted, one_line
from fewshot_bench.evaluation.result import EPISODES, stored_table, write_result
from fewshot_bench.evaluation.run import number_of_episodes
from fewshot_bench.interface.observer import Quiet
from fewshot_bench.launch.job import Job, Outcome, Place
from fewshot_bench.lock import locked
from fewshot_bench.platform import keep_freed_memory
from fewshot_bench.registry import run_plugin
from fewshot_bench.training.measure import check_possible, ready_for
from fewshot_bench.training.run import prepare_run, train
from fewshot_bench.training.stages import Stage, once

_loaded: set[str] = set()


def perform(job: Job, place: Place) -> Outcome:
    """Do a job in this process.

    Never raises: what goes wrong is the outcome's one line, and a traceback is logged.
    """
    start = time.monotonic()
    try:
        with _settled(place):
            accuracy = KINDS[job.kind](job, place)
    except (Interrupted, KeyboardInterrupt) as error:  # by whoever sent a signal
        return Outcome(job.id, one_line(str(error)) or "stopped", lost=True)
    except FsbenchError as error:
        return Outcome(job.id, one_line(str(error)))
    except Exception as error:  # a fault of the program: the other jobs still go on
        traceback.print_exc()
        text = one_line(f"{type(error).__name__}: {error}")
        return Outcome(job.id, f"{text}; see {place.log(job)}")
    return Outcome(job.id, seconds=time.monotonic() - start, accuracy=accuracy)


@contextlib.contextmanager
def _settled(place: Place) -> Iterator[None]:
    """Folder, cache, threads, plug-ins and signals as a job needs them, and back again."""
    before = os.environ.get("FSBENCH_CACHE"), Path.cwd(), torch.get_num_threads()
    os.environ["FSBENCH_CACHE"] = place.cache
    os.chdir(place.cwd)
    torch.set_num_threads(place.threads)
    keep_freed_memory()
    try:
        with _ended_by_sigterm():
            load_plugins(place)
            yield
    finally:
        torch.set_num_threads(before[2])
        os.chdir(before[1])
        if before[0] is None:
            del os.environ["FSBENCH_CACHE"]
        else:
            os.environ["FSBENCH_CACHE"] = before[0]


def load_plugins(place: Place) -> None:
    """Run the plug-in files of a launch that this process has not run yet."""
    for path in place.plugins:
        if path not in _loaded:
            run_plugin(Path(path))
            _loaded.add(path)


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the work in order: locks are freed, drafts removed; trainings save first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise Interrupted("stopped")

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def measure_cell(job: Job, place: Place) -> float:
    """Train and measure one cell, unless its result is there; its accuracy, a fraction."""
    folder = Path(job.folder)
    with locked(folder, f"the result in {folder}"):
        there = stored_accuracy(folder)
        if there is not None:
            return there
        config = validated(RunConfig, job.config)
        run = prepare_run(config, place.device, place.workers)
        keep_freed_memory(run.image.size)
        check_possible(run)
        model = train(run, Quiet())
        episodes = number_of_episodes(run.test_loader().sampler, run.config.evaluate)
        ready = ready_for(run, model, episodes, Quiet())
        result = ready.measure(job.seeds, run.folder)
        write_result(result, folder, overwrite=True)
    return float(result.accuracy.mean())


def stored_accuracy(folder: Path) -> float | None:
    """Accuracy of the result in a folder; None if there is none, or only a part of one."""
    table = stored_table(folder)
    if not table or not (folder / EPISODES).exists():
        return None
    try:
        return float(table["summary"]["accuracy"])
    except (KeyError, TypeError, ValueError):
        return None


def train_stage(job: Job, place: Place) -> None:
    """Train a stage that several cells go on from."""
    run = prepare_run(validated(RunConfig, job.config), place.device, place.workers)
    once(graph(run.stage)[job.stage], Quiet())


def graph(stage: Stage) -> dict[str, Stage]:
    """A stage and all that it needs, by id, each after its own needs."""
    found: dict[str, Stage] = {}
    for need in stage.needs:
        found |= graph(need)
    return {**found, stage.id: stage}


def _try_settings(job: Job, place: Place) -> float | None:
    # Imports Optuna, which sweeps do without.
    from fewshot_bench.launch.trial import try_settings

    return try_settings(job, place)


KINDS: dict[str, Callable[[Job, Place], float | None]] = {
    "stage": train_stage,
    "cell": measure_cell,
    "trial": _try_settings,
}
