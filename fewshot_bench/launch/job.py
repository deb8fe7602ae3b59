"""What is handed to a process that works for a sweep, and what comes back. Imports no torch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fewshot_bench.config import Table
from fewshot_bench.files import cache_folder, safe_name
from fewshot_bench.launch.spec import Launch

HIDDEN = ".sweep"  # folder of logs beside results


@dataclass(frozen=True)
class Place:
    """Where all jobs of one launch work, on whatever machine.

    Attributes:
        cwd: folder that relative paths of settings begin at.
        cache: folder of prepared data and trained stages, which all machines share.
        logs: folder of what jobs print.
        plugins: files that register more.
        device: cpu, cuda or auto.
        threads: of each job.
        workers: threads of each job that load ahead.
    """

    cwd: str
    cache: str
    logs: str
    plugins: tuple[str, ...] = ()
    device: str = "auto"
    threads: int = 1
    workers: int = 0

    @classmethod
    def of(cls, launch: Launch, out: Path) -> "Place":
        """The place of a launch that is started here and writes to ``out``."""
        return cls(
            cwd=str(Path.cwd()),
            cache=str(cache_folder().absolute()),
            logs=str(out.absolute() / HIDDEN / "logs"),
            plugins=tuple(str(Path(path).expanduser().absolute()) for path in launch.plugins),
            device=launch.device,
            threads=launch.threads,
            workers=launch.workers,
        )

    def log(self, job: "Job") -> Path:
        """The file that holds what a job prints."""
        return Path(self.logs) / f"{safe_name(job.id)}.log"


@dataclass(frozen=True)
class Job:
    """One unit of work, which may be done by any process, several times, with one outcome.

    Attributes:
        id: unique in a launch.
        kind: ``stage`` trains what several cells share; ``cell`` trains the rest and measures;
            ``trial`` tries settings on validation classes.
        title: in words.
        config: table of a :class:`fewshot_bench.config.RunConfig`.
        needs: ids of the jobs that come first.
        stage: id of the stage, of a job of that kind.
        folder: of the result of a cell; of the study of a trial.
        seeds: all training seeds of the row that a cell belongs to.
        number: of a trial.
        study: what a trial has to know, table of a :class:`fewshot_bench.launch.trial.Study`.
    """

    id: str
    kind: Literal["stage", "cell", "trial"]
    title: str
    config: Table = field(hash=False)
    needs: tuple[str, ...] = ()
    stage: str = ""
    folder: str = ""
    seeds: tuple[int, ...] = ()
    number: int = 0
    study: Table = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        id: of the job.
        error: one line; "" if it did what it should.
        seconds: that it took; None if it did not come to its end.
        accuracy: of a cell or a trial, a fraction.
        lost: whether its process or machine is gone, so that it is worth another try.
    """

    id: str
    error: str = ""
    seconds: float | None = None
    accuracy: float | None = None
    lost: bool = False
