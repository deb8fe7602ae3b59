"""Kills of workers and drivers of a sweep at random moments: ``python -m tests.launch.chaos``.

Runs the sweep of :mod:`tests.launch.common` under ``kill -9``, starting it again until it is done,
and once unbroken; says whether the results are the same, byte for byte. Linux only, for ``/proc``.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.launch.common import SETTINGS, contents, sweep_file
from tests.tiny import make_folder

COMMAND = [sys.executable, "-m", "fewshot_bench", "sweep"]


@dataclass
class Chaos:
    """Who kills whom and when.

    Attributes:
        seed: of moments and victims.
        kills: how many there still are.
        pause: seconds between them, at most.
        victims: how often it was whose turn.
    """

    seed: int
    kills: int
    pause: float = 1.5
    victims: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def attend(self, driver: "subprocess.Popen[bytes]", begun: int) -> None:
        """Kill workers until the driver ends or it is its own turn."""
        while driver.poll() is None:
            time.sleep(0.1)
            workers = descendants(driver.pid)
            if not workers or not self.kills:
                continue
            time.sleep(self.random.uniform(0, self.pause))
            # The driver is spared until something was done, so that each life gets somewhere.
            turn = "driver" if self.random.random() < 1 / 3 and begun else "worker"
            workers = descendants(driver.pid)
            if driver.poll() is not None or (turn == "worker" and not workers):
                continue
            victim = driver.pid if turn == "driver" else int(self.random.choice(workers))
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                self.kills -= 1
                self.victims[turn] += 1
            if turn == "driver":
                driver.wait()


def processes() -> Iterator[tuple[int, int, str]]:
    """Process id, that of its parent, and its state, of all processes."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                parts = (folder / "stat").read_text().rpartition(")")[2].split()
                yield int(folder.name), int(parts[1]), parts[0]


def descendants(driver: int) -> list[int]:
    """Workers: children of the server that the driver has started."""
    table = [(pid, parent) for pid, parent, state in processes() if state != "Z"]
    servers = {pid for pid, parent in table if parent == driver}
    return [pid for pid, parent in table if parent in servers]


def under_fire(file: Path, out: Path, cache: Path, chaos: Chaos, jobs: int = 2) -> int:
    """Run a sweep until it is done whatever is killed; how often it had to be started."""
    env = {**os.environ, "FSBENCH_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    for life in range(1, 1000):
        words = [*COMMAND, str(file), "--out", str(out), "--jobs", str(jobs), "--quiet"]
        driver = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL)
        chaos.attend(driver, life)
        if driver.wait() == 0:
            return life
    raise RuntimeError("the sweep never ended")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chaos = Chaos(options.seed, options.kills)
    train = {**SETTINGS["train"], "steps": 60, "val_every": 20}
    settings = {**SETTINGS, "train": train}
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        images = make_folder(root / "images")
        file = sweep_file(root / "grid.toml", images, settings=settings, retries=1)
        lives = under_fire(file, root / "broken", root / "cache", chaos)
        under_fire(file, root / "whole", root / "cache-whole", Chaos(0, 0))
        same = contents(root / "broken") == contents(root / "whole")
        left = [str(p) for p in root.rglob(".*") if p.suffix in (".lock", ".holder")]
        count = len(contents(root / "whole"))
    print(f"kills: {dict(chaos.victims)}; the sweep was started {lives} times")
    print(f"{count} results, {'the same' if same else 'NOT the same'} as of an unbroken sweep")
    print(f"locks left behind: {left or 'none'}")
    sys.exit(0 if same and not chaos.kills else 1)


if __name__ == "__main__":
    main()
