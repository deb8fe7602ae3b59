"""The loop behind every launch: start what is ready, learn what has ended, go on with the rest."""

import collections
import time
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from fewshot_bench.errors import Interrupted
from fewshot_bench.launch.job import Job, Outcome
from fewshot_bench.training.stop import StopRequest, stop_on_signal

State = Literal["waiting", "running", "done", "failed"]
LOOK_SECONDS = 0.5


class Engine(Protocol):
    """Starts jobs somewhere.

    Attributes:
        slots: how many jobs are worth starting at once; None for any number.
        ordered: whether it takes all jobs at once, group by group, and keeps their order itself.
    """

    slots: int | None
    ordered: bool

    def start(self, jobs: Sequence[Job]) -> None:
        """Start jobs, or put them into a queue."""
        ...

    def ended(self, seconds: float) -> list[Outcome]:
        """Jobs that have ended since the last call; waits for one, at most so long."""
        ...

    def stop(self) -> None:
        """End all jobs in order and wait for them; does nothing where there are none."""
        ...


class Progress:
    """How far a launch is.

    Attributes:
        states: of the jobs, by id.
        outcomes: of those that have ended, by id.
        begun: when it began, seconds of the monotonic clock.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = {job.id: job for job in jobs}
        self.states: dict[str, State] = dict.fromkeys(self.jobs, "waiting")
        self.outcomes: dict[str, Outcome] = {}
        self.begun = time.monotonic()

    def count(self, state: State) -> int:
        """Jobs in a state."""
        return sum(one == state for one in self.states.values())

    @property
    def over(self) -> bool:
        """Whether every job has ended."""
        return len(self.outcomes) == len(self.jobs)

    def ready(self) -> list[Job]:
        """Waiting jobs whose needs are met."""
        waiting = [job for job in self.jobs.values() if self.states[job.id] == "waiting"]
        return [job for job in waiting if all(self._met(need) for need in job.needs)]

    def _met(self, need: str) -> bool:
        return self.states.get(need, "done") == "done"

    def end(self, outcome: Outcome) -> None:
        """A job has ended; those that need it fail with it."""
        self.outcomes[outcome.id] = outcome
        self.states[outcome.id] = "failed" if outcome.error else "done"
        if not outcome.error:
            return
        title = self.jobs[outcome.id].title
        for job in self.jobs.values():
            if outcome.id in job.needs and self.states[job.id] == "waiting":
                self.end(Outcome(job.id, f"{title} failed, which comes first"))

    def failures(self) -> list[Outcome]:
        """Of the jobs, in their order."""
        ended = [self.outcomes[key] for key in self.jobs if key in self.outcomes]
        return [outcome for outcome in ended if outcome.error]


def drive(
    groups: Sequence[Sequence[Job]],
    engine: Engine,
    retries: int,
    show: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Do all jobs.

    Args:
        groups: of jobs; each needs earlier groups only.
        engine: starts them.
        retries: how often a job is tried again whose process was lost.
        show: told of the progress about twice a second.

    Raises:
        Interrupted: SIGINT or SIGTERM came. All jobs have ended, and what they had reached is on
            disk.
    """
    progress = Progress([job for group in groups for job in group])
    tries: collections.Counter[str] = collections.Counter()
    with stop_on_signal() as stop:
        try:
            if engine.ordered:
                for group in groups:
                    _start(group, engine, progress)
            while not progress.over:
                _start(_fitting(progress, engine), engine, progress)
                for outcome in engine.ended(LOOK_SECONDS):
                    tries[outcome.id] += 1
                    if outcome.lost and tries[outcome.id] <= retries:
                        progress.states[outcome.id] = "waiting"
                    else:
                        progress.end(outcome)
                show(progress)
                _leave_if_asked(stop)
        finally:
            engine.stop()
    return progress


def _fitting(progress: Progress, engine: Engine) -> list[Job]:
    """Ready jobs for which the engine has slots."""
    ready = progress.ready()
    return ready if engine.slots is None else ready[: engine.slots - progress.count("running")]


def _start(jobs: Sequence[Job], engine: Engine, progress: Progress) -> None:
    if not jobs:
        return
    for job in jobs:
        progress.states[job.id] = "running"
    engine.start(jobs)


def _leave_if_asked(stop: StopRequest) -> None:
    if stop.requested:
        raise Interrupted("stopped; the same command goes on from there")
