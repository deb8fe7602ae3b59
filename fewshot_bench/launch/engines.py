"""Engines by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from fewshot_bench.launch.drive import Engine
from fewshot_bench.launch.job import Place
from fewshot_bench.launch.local import LocalEngine
from fewshot_bench.launch.ray import RayEngine
from fewshot_bench.launch.slurm import SlurmEngine
from fewshot_bench.launch.spec import Launch
from fewshot_bench.platform import available_cores

EngineName = Literal["local", "slurm", "ray"]


def make_engine(name: EngineName, launch: Launch, place: Place, jobs: int, out: Path) -> Engine:
    """An engine for the jobs of a launch; ``jobs`` at once where it is this machine's.

    Raises:
        ConfigError: what it needs is not installed, or not there.
    """
    engines: dict[EngineName, Callable[[], Engine]] = {
        "local": lambda: LocalEngine(place, jobs),
        "slurm": lambda: SlurmEngine(launch.slurm, place, out),
        "ray": lambda: RayEngine(launch.ray, place, jobs, launch.retries),
    }
    return engines[name]()


def jobs_that_fit(threads: int) -> int:
    """How many jobs of so many threads this process may run at once."""
    return max(1, available_cores() // threads)
