"""Jobs in processes of this machine, each in one of its own, which is new."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from fewshot_bench.launch.job import Job, Outcome, Place

GRACE_SECONDS = 60.0
# What every job imports sooner or later; torch imports the last one at its first step.
PRELOADED = ("fewshot_bench.launch.work", "torchvision", "torch._dynamo")


@dataclass(frozen=True)
class _Running:
    job: Job
    process: BaseProcess
    answer: Connection


class LocalEngine:
    """Starts each job in a process of its own.

    Where the system can, processes are forked from a server that has imported torch and has no
    threads, so that a job of seconds does not wait for imports.

    Args:
        place: where jobs work.
        jobs: how many run at once.
    """

    ordered = False

    def __init__(self, place: Place, jobs: int) -> None:
        self.slots: int | None = jobs
        self._place = place
        self._running: list[_Running] = []
        forks = "forkserver" in multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if forks else "spawn")
        if forks:
            self._context.set_forkserver_preload(list(PRELOADED))

    def start(self, jobs: Sequence[Job]) -> None:
        """See :class:`fewshot_bench.launch.drive.Engine`."""
        Path(self._place.logs).mkdir(parents=True, exist_ok=True)
        for job in jobs:
            reader, writer = self._context.Pipe(duplex=False)
            process = self._context.Process(target=_work, args=(job, self._place, writer))
            process.start()
            writer.close()
            self._running.append(_Running(job, process, reader))

    def ended(self, seconds: float) -> list[Outcome]:
        """See :class:`fewshot_bench.launch.drive.Engine`."""
        wait([one.process.sentinel for one in self._running], seconds)
        over = [one for one in self._running if one.process.exitcode is not None]
        self._running = [one for one in self._running if one not in over]
        return [self._outcome(one) for one in over]

    def _outcome(self, one: _Running) -> Outcome:
        with one.answer:
            try:
                outcome: Outcome = one.answer.recv()
            except EOFError:  # it was killed before it could tell
                return Outcome(one.job.id, self._killed(one), lost=True)
        return outcome

    def _killed(self, one: _Running) -> str:
        code = one.process.exitcode or 0
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        log = self._place.log(one.job)
        return f"its process was ended {how} (is there too little memory?); see {log}"

    def stop(self) -> None:
        """See :class:`fewshot_bench.launch.drive.Engine`; trainings save their state first."""
        for one in self._running:
            one.process.terminate()
        end = time.monotonic() + GRACE_SECONDS
        for one in self._running:
            one.process.join(max(0.0, end - time.monotonic()))
            if one.process.exitcode is None:
                one.process.kill()
                one.process.join()
        self._running = []


def _work(job: Job, place: Place, answer: Connection) -> None:
    """The whole life of a process."""
    if hasattr(os, "setsid"):
        os.setsid()  # so that Ctrl-C reaches the driver only, which ends its jobs in order
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Imported in the process, since a driver that is told what to print needs no torch.
    from fewshot_bench.launch.work import perform

    with _printing_to(place.log(job)):
        outcome = perform(job, place)
    with contextlib.suppress(BrokenPipeError):
        answer.send(outcome)


@contextlib.contextmanager
def _printing_to(path: Path) -> Iterator[None]:
    """Standard output and error of this process, of libraries too, go to the end of a file."""
    with path.open("a", encoding="utf-8") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
        yield
        sys.stdout.flush()
        sys.stderr.flush()


def _end_with_parent() -> None:
    """Jobs of a killed driver end as if it had stopped them, or at once where that takes long."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
