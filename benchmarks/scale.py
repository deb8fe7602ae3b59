"""Time of a sweep against the number of jobs, and where it would go with 64 workers.

    python benchmarks/scale.py [--jobs 1 2] [--cells 1000] [--workers 64]

Runs the 24 cells of ``tests/launch/common.py`` with an empty cache for each number of jobs. Then
simulates a large sweep from the seconds measured with the smallest number of jobs: cells of
12 rows, each row on a shared pre-training and a shared training per seed. Two ways are compared:
shared trainings as jobs that come first, as ``fsbench sweep`` has them, and cells that train what
they need themselves while others wait for the lock with a worker in their hands. Writes
``benchmarks/results/scale.md``.
"""

import argparse
import heapq
import os
import platform
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.launch.drive import drive
from fewshot_bench.launch.job import Job, Place
from fewshot_bench.launch.local import LocalEngine
from fewshot_bench.launch.plan import make_plan
from fewshot_bench.launch.spec import configurations, read_sweep
from tests.launch.common import sweep_file
from tests.tiny import make_folder

PER_STAGE = 10  # cells that share a training


@dataclass(frozen=True)
class Measured:
    """One sweep on this machine.

    Attributes:
        jobs: at once.
        wall: seconds of all of it, the plan included.
        plan: seconds until the first job started.
        cells: seconds of each cell inside its process.
        stages: of each shared training.
    """

    jobs: int
    wall: float
    plan: float
    cells: tuple[float, ...]
    stages: tuple[float, ...]

    @property
    def overhead(self) -> float:
        """Seconds of a slot that a job takes beside its work: process, queue, answer."""
        busy = sum(self.cells) + sum(self.stages)
        slots = self.jobs * (self.wall - self.plan)
        return max(0.0, slots - busy) / (len(self.cells) + len(self.stages))


@dataclass(frozen=True)
class Simulated:
    """Shares of the time of all workers, and the length of the sweep in seconds."""

    wall: float
    work: float
    stages: float
    scheduling: float
    locks: float
    idle: float


def measure(file: Path, root: Path, jobs: int) -> Measured:
    """Run the sweep with an empty cache."""
    os.environ["FSBENCH_CACHE"] = str(root / f"cache-{jobs}")
    spec = read_sweep(file)
    start = time.monotonic()
    plan = make_plan(configurations(spec), root / f"out-{jobs}")
    place = Place.of(spec, root / f"out-{jobs}")
    engine = LocalEngine(place, jobs)
    planned = time.monotonic() - start
    progress = drive(plan.waves(), engine, 0)
    wall = time.monotonic() - start
    if failures := progress.failures():
        raise SystemExit(f"{len(failures)} jobs failed: {failures[0].error}")
    seconds = {key: outcome.seconds or 0.0 for key, outcome in progress.outcomes.items()}
    stages = tuple(seconds[job.id] for job in plan.stages)
    cells = tuple(seconds[cell.job.id] for cell in plan.missing)
    return Measured(jobs, wall, planned, cells, stages)


def warm(root: Path) -> None:
    """Start the server that processes are forked from, by a job that fails at once."""
    engine = LocalEngine(Place(str(root), str(root / "cache"), str(root / "logs")), 1)
    engine.start([Job("none", "cell", "none", {"unknown": 1}, folder=str(root / "none"))])
    while not engine.ended(1.0):
        pass


def simulate(
    cells: Sequence[float], stages: Sequence[float], workers: int, overhead: float, *, first: bool
) -> Simulated:
    """A sweep whose cells, ``PER_STAGE`` at a time, need one training each.

    Args:
        cells: seconds of each.
        stages: seconds of trainings, taken in turn.
        workers: how many there are.
        overhead: seconds of a worker for each job.
        first: trainings are jobs, and cells are queued when they are done; else the first cell of
            each group trains, and the others of it hold a worker until it has.
    """
    groups = [list(cells[i : i + PER_STAGE]) for i in range(0, len(cells), PER_STAGE)]
    queue: deque[tuple[str, int, float]] = deque()
    if first:
        queue.extend(("stage", g, stages[g % len(stages)]) for g in range(len(groups)))
    else:
        queue.extend(("cell", g, seconds) for g, group in enumerate(groups) for seconds in group)
    free = [0.0] * workers
    trained: dict[int, float] = {}
    ready: list[tuple[float, int]] = []
    spent = dict.fromkeys(("work", "stages", "scheduling", "locks"), 0.0)
    end = 0.0
    while queue or ready:
        now = heapq.heappop(free)
        while ready and ready[0][0] <= now:
            group = heapq.heappop(ready)[1]
            queue.extend(("cell", group, seconds) for seconds in groups[group])
        if not queue:
            heapq.heappush(free, max(now, ready[0][0]))
            continue
        kind, group, seconds = queue.popleft()
        at = now + overhead
        spent["scheduling"] += overhead
        if kind == "stage":
            at += seconds
            spent["stages"] += seconds
            heapq.heappush(ready, (at, group))
        else:
            if not first and group not in trained:
                spent["stages"] += stages[group % len(stages)]
                at = trained[group] = at + stages[group % len(stages)]
            elif not first and trained[group] > at:
                spent["locks"] += trained[group] - at
                at = trained[group]
            at += seconds
            spent["work"] += seconds
        end = max(end, at)
        heapq.heappush(free, at)
    whole = workers * end
    shares = {name: value / whole for name, value in spent.items()}
    return Simulated(end, **shares, idle=1 - sum(shares.values()))


def report(runs: Sequence[Measured], cells: int, workers: int) -> str:
    """The page."""
    base, overhead = runs[0], min(run.overhead for run in runs)
    load = os.getloadavg()[0]
    lines = [
        "# Sweeps: time against jobs, and a simulation of a cluster",
        "",
        f"`python benchmarks/scale.py`, {platform.machine()}, {os.cpu_count()} cores, one thread"
        f" for each job, load {load:.0f} at the end (a busy machine makes all of it longer).",
        "",
        f"{len(base.cells)} cells and {len(base.stages)} shared trainings, cache empty:",
        "",
        "| jobs | seconds | of it the plan | median cell | median shared | overhead of a job |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {run.jobs} | {run.wall:.1f} | {run.plan:.1f} | {statistics.median(run.cells):.2f} |"
        f" {statistics.median(run.stages):.2f} | {run.overhead:.2f} |"
        for run in runs
    ]
    lines += [
        "",
        f"Simulated: {cells} cells on {workers} workers, {PER_STAGE} cells to a shared training,"
        " with cells and trainings as measured, and 100 times as long (minutes, as real ones are).",
        "",
        "| shared trainings | cells | wall s | cells | trainings | scheduling | locks | idle |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for factor in (1, 100):
        long = [factor * base.cells[i % len(base.cells)] for i in range(cells)]
        stages = [factor * seconds for seconds in base.stages]
        for first, name in ((True, "jobs that come first"), (False, "inside cells, by locks")):
            one = simulate(long, stages, workers, overhead, first=first)
            shares = (one.work, one.stages, one.scheduling, one.locks, one.idle)
            shown = " | ".join(f"{100 * share:.1f} %" for share in shares)
            size = "as measured" if factor == 1 else f"x {factor}"
            lines.append(f"| {name} | {size} | {one.wall:.0f} | {shown} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        file = sweep_file(root / "grid.toml", make_folder(root / "images"))
        warm(root)
        runs = [measure(file, root, jobs) for jobs in options.jobs]
    page = report(runs, options.cells, options.workers)
    (Path(__file__).parent / "results" / "scale.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
