"""Jobs on a Ray cluster, or on a Ray of this machine that ends with the launch."""

import os
from collections.abc import Sequence
from typing import Any

from fewshot_bench.errors import ConfigError, one_line
from fewshot_bench.launch.job import Job, Outcome, Place
from fewshot_bench.launch.spec import RaySpec

STOP_SECONDS = 60.0


class RayEngine:
    """Queues jobs as Ray tasks. Ray retries those of lost nodes.

    A process does one job after another where it has no GPU: importing torch takes longer than a
    small job. One with a GPU ends with its job, which frees the memory there; both are Ray's way.

    Args:
        spec: what is asked of Ray.
        place: where jobs work; its folders are on a disk that all nodes share.
        jobs: how many run at once on a Ray that is started here.
        retries: how often Ray tries a job again whose process or node was lost.

    Raises:
        ConfigError: Ray is not installed, or the cluster can't be reached.
    """

    ordered = False
    slots: int | None = None

    def __init__(self, spec: RaySpec, place: Place, jobs: int, retries: int) -> None:
        self._ray, self._place = _ray(), place
        cpus = spec.cpus or place.threads
        self._connect(spec, max(1, round(jobs * cpus)))
        # Imported here: torch, which a wrong option does without.
        from fewshot_bench.launch.work import perform

        self._perform = self._ray.remote(num_cpus=cpus, num_gpus=spec.gpus, max_retries=retries)(
            perform
        )
        self._running: dict[Any, Job] = {}

    def _connect(self, spec: RaySpec, cpus: int) -> None:
        address = os.environ.get("RAY_ADDRESS")
        local = {} if address else {"num_cpus": cpus, "include_dashboard": False}
        try:
            self._ray.init(address=address, log_to_driver=False, configure_logging=False, **local)
        except Exception as error:  # Ray raises what has no type of its own, too
            text = one_line(str(error))[:200]
            raise ConfigError(f"Ray can't be reached at {address or 'this machine'}: {text}") from (
                error
            )
        have = self._ray.cluster_resources().get("GPU", 0.0)
        if spec.gpus > have:
            self._ray.shutdown()
            raise ConfigError(f"[ray] gpus = {spec.gpus:g} for each job, but Ray has {have:g} GPUs")

    def start(self, jobs: Sequence[Job]) -> None:
        """See :class:`fewshot_bench.launch.drive.Engine`."""
        for job in jobs:
            self._running[self._perform.remote(job, self._place)] = job

    def ended(self, seconds: float) -> list[Outcome]:
        """See :class:`fewshot_bench.launch.drive.Engine`."""
        references = list(self._running)
        over, _ = self._ray.wait(references, num_returns=len(references), timeout=seconds)
        return [self._outcome(reference, self._running.pop(reference)) for reference in over]

    def _outcome(self, reference: Any, job: Job) -> Outcome:
        try:
            outcome: Outcome = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            lines = one_line(str(error).strip().partition("\n")[0])
            return Outcome(job.id, f"Ray lost it: {lines[:300]}", lost=True)
        return outcome

    def stop(self) -> None:
        """See :class:`fewshot_bench.launch.drive.Engine`; trainings save their state first."""
        references = list(self._running)
        for reference in references:
            self._ray.cancel(reference, force=False)
        if references:
            self._ray.wait(references, num_returns=len(references), timeout=STOP_SECONDS)
        self._running = {}
        self._ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ConfigError("--engine ray needs Ray: pip install 'fewshot-bench[cluster]'") from error
    return ray
