"""``--devices``: the same command in several processes of this machine, which share its work.

What ``torchrun --nproc-per-node N -m fewshot_bench ...`` does, without its report of failures: if
one process ends before its time, the others are ended, and one line says so.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType

from fewshot_bench.errors import ConfigError
from fewshot_bench.platform import available_cores
from fewshot_bench.world import expected

GRACE_SECONDS = 10.0  # for processes to save their state
POLL_SECONDS = 0.1
_DEVICES = re.compile(r"(?:(cpu|cuda):)?([1-9][0-9]{0,3})")


def in_processes(devices: str | None, words: Sequence[str] | None = None) -> int | None:
    """Run a command in as many processes as ``--devices`` says.

    Args:
        devices: ``2``, ``cpu:2`` or ``cuda:2``; None for this process.
        words: the command as typed; None for that of this process.

    Returns:
        Exit code of the command; None where this process is to do the work itself.

    Raises:
        ConfigError: it is no number of devices.
    """
    if devices is None:
        return None
    match = _DEVICES.fullmatch(devices)
    if match is None:
        raise ConfigError(f"--devices is a number as 2, cpu:2 or cuda:2, not {devices!r}")
    kind, n = match[1], int(match[2])
    if n == 1 or expected().size > 1:
        return None
    typed = _without_devices(sys.argv[1:] if words is None else words)
    chosen = [] if kind is None else ["--device", kind]
    command = [sys.executable, "-m", "fewshot_bench", *typed, *chosen]
    return _watched([subprocess.Popen(command, env=env) for env in _environments(n)])


def _without_devices(words: Sequence[str]) -> list[str]:
    kept, skip = [], False
    for word in words:
        if not skip and word != "--devices" and not word.startswith("--devices="):
            kept.append(word)
        skip = word == "--devices"
    return kept


def _environments(n: int) -> Iterator[Mapping[str, str]]:
    """Of each process: its number, where they meet, and its part of the cores."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    threads = max(1, available_cores() // n)
    common = {"WORLD_SIZE": str(n), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    for rank in range(n):
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "FSBENCH_WATCHED": "1"}
        yield {"OMP_NUM_THREADS": str(threads), **os.environ, **common, **own}


def _watched(processes: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait for all; if one fails, end the others. The exit code of the first that failed."""
    with _passing_signals_on(processes):
        while all(p.poll() in (None, 0) for p in processes):
            if all(p.poll() == 0 for p in processes):
                return 0
            time.sleep(POLL_SECONDS)
        failed = {rank: p.returncode for rank, p in enumerate(processes) if p.returncode}
        _end(processes)
    rank, code = next(iter(failed.items()))
    if code > 0:
        return code
    print(
        f"fsbench: process {rank} of {len(processes)} was ended by signal {-code};"
        " the same command goes on from the last state",
        file=sys.stderr,
    )
    return 1


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Give all the time to end by themselves, then ask them to, then end them."""
    for request in (None, signal.SIGTERM, signal.SIGKILL):
        left = [p for p in processes if p.poll() is None]
        for process in left:
            if request is not None:
                process.send_signal(request)
        end = time.monotonic() + GRACE_SECONDS
        while any(p.poll() is None for p in left) and time.monotonic() < end:
            time.sleep(POLL_SECONDS)


@contextlib.contextmanager
def _passing_signals_on(processes: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """SIGTERM is theirs; a Ctrl-C of the terminal reaches them anyway, and this one waits."""

    def pass_on(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    before = {n: signal.signal(n, pass_on) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
