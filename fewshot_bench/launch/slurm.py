"""Jobs on a Slurm cluster, by submitit: one array for each group of jobs."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fewshot_bench.errors import ConfigError, one_line
from fewshot_bench.launch.job import HIDDEN, Job, Outcome, Place
from fewshot_bench.launch.spec import SlurmSpec

POLL_SECONDS = 5.0


class Task:
    """A job as submitit pickles it. It is submitted again when its time is over or it is preempted.

    Args:
        job: what to do.
        place: where jobs work.
    """

    def __init__(self, job: Job, place: Place) -> None:
        self.job, self.place = job, place

    def __call__(self) -> Outcome:
        """Do it."""
        from fewshot_bench.launch.work import perform  # torch, which submitting does without

        return perform(self.job, self.place)

    def checkpoint(self) -> Any:
        """The same again: trainings go on from their state on disk, at most 20 seconds back."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


class SlurmEngine:
    """Submits jobs as arrays; an array begins when the one that it needs has ended.

    Args:
        spec: what is asked of Slurm.
        place: where jobs work; its folders are on a disk that all nodes share.
        out: folder of the results, where the scripts and answers of jobs go too.

    Raises:
        ConfigError: submitit is not installed, or there is no Slurm here.
    """

    ordered = True
    slots: int | None = None

    def __init__(self, spec: SlurmSpec, place: Place, out: Path) -> None:
        self._place, self._spec = place, spec
        self._folder = out.absolute() / HIDDEN / "slurm"
        self._executor = _executor(spec, self._folder)
        self._running: dict[str, Any] = {}
        self._before = ""

    def start(self, jobs: Sequence[Job]) -> None:
        """See :class:`fewshot_bench.launch.drive.Engine`."""
        self._executor.update_parameters(**parameters(self._spec, self._place, self._before))
        tasks = [Task(job, self._place) for job in jobs]
        with self._executor.batch():
            handles = [self._executor.submit(task) for task in tasks]
        self._running |= dict(zip((job.id for job in jobs), handles, strict=True))
        self._before = str(handles[0].job_id).partition("_")[0]

    def ended(self, seconds: float) -> list[Outcome]:
        """See :class:`fewshot_bench.launch.drive.Engine`."""
        over = [key for key, handle in self._running.items() if handle.done()]
        if not over:
            time.sleep(max(seconds, POLL_SECONDS if self._spec.cluster == "slurm" else 0.0))
        return [self._outcome(key, self._running.pop(key)) for key in over]

    def _outcome(self, key: str, handle: Any) -> Outcome:
        try:
            outcome: Outcome = handle.result()
        except Exception as error:  # of submitit, or what the job could not catch
            lines = str(error).strip().splitlines() or [type(error).__name__]
            return Outcome(key, f"{one_line(lines[-1])}; see {handle.paths.stderr}", lost=True)
        return outcome

    def stop(self) -> None:
        """See :class:`fewshot_bench.launch.drive.Engine`."""
        for handle in self._running.values():
            handle.cancel()
        self._running = {}


def _submitit() -> Any:
    try:
        import submitit
        import submitit.slurm.slurm
    except ImportError as error:
        raise ConfigError(
            "--engine slurm needs submitit: pip install 'fewshot-bench[cluster]'"
        ) from error
    return submitit


def _executor(spec: SlurmSpec, folder: Path) -> Any:
    submitit = _submitit()
    try:
        return submitit.AutoExecutor(
            folder=folder, cluster=spec.cluster, slurm_max_num_timeout=spec.restarts
        )
    except RuntimeError as error:
        raise ConfigError(
            "there is no Slurm on this machine (no srun); take --engine local, or --dry-run to"
            " see the scripts"
        ) from error


def parameters(spec: SlurmSpec, place: Place, before: str = "") -> dict[str, Any]:
    """What submitit's ``AutoExecutor`` is told.

    Args:
        spec: what is asked of Slurm.
        place: where jobs work.
        before: id of the array that comes first; "" for none.
    """
    options = {
        "partition": spec.partition,
        "account": spec.account,
        "qos": spec.qos,
        "constraint": spec.constraint,
        "setup": spec.setup or None,
        "array_parallelism": spec.parallel,
        "dependency": f"afterany:{before}" if before else None,
        "additional_parameters": spec.more or None,
    }
    return {
        "name": "fsbench",
        "timeout_min": spec.time,
        "cpus_per_task": spec.cpus or place.threads,
        **({"gpus_per_node": spec.gpus} if spec.gpus else {}),
        **({"mem_gb": spec.memory_gb} if spec.memory_gb else {}),
        **{f"slurm_{name}": value for name, value in options.items() if value is not None},
    }


def scripts(spec: SlurmSpec, place: Place, groups: Sequence[Sequence[Job]], out: Path) -> list[str]:
    """The scripts that would be given to ``sbatch``, one for each group; nothing is submitted.

    Raises:
        ConfigError: submitit is not installed.
    """
    base = _submitit().slurm.slurm.SlurmExecutor
    # Without Slurm on this machine submitit makes no executor, but its scripts need none.
    executor = type("SlurmExecutor", (base,), {"affinity": classmethod(lambda _: 1)})(
        folder=out.absolute() / HIDDEN / "slurm", python="python"
    )
    texts = []
    for number, group in enumerate(groups):
        told = parameters(spec, place, f"<array {number}>" if number else "")
        named = {name.removeprefix("slurm_"): value for name, value in told.items()}
        executor.update_parameters(**executor._convert_parameters(named))
        executor.parameters["map_count"] = len(group) if len(group) > 1 else None
        command = executor._submitit_command_str
        texts.append(str(executor._make_submission_file_text(command, f"array-{number + 1}")))
    return texts
