"""One process at a time makes what is in a folder; the others wait, say for whom, and load it.

Beside a folder ``name`` lie two small files while it is locked:

* ``.name.lock``, locked by ``flock``: the kernel frees it when its process ends, however it ends;
* ``.name.holder``, created exclusively: who holds the lock, and by its time of change a heartbeat.
  It keeps out the processes of other machines that share the disk, whose kernels know nothing of
  each other's ``flock``. A heartbeat that a waiting process has not seen change for a minute is
  that of a machine that is gone. No clocks are compared.
"""

import contextlib
import datetime
import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from fewshot_bench.errors import Interrupted
from fewshot_bench.files import disk_errors

try:
    import fcntl
except ImportError:  # Windows: heartbeats alone
    fcntl = None  # type: ignore[assignment]

HEARTBEAT_SECONDS = 10.0
STALE_SECONDS = 60.0
POLL_SECONDS = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
        host: name of the machine, for people.
        machine: identity of its running kernel, which sees the ``flock`` of all its processes.
        pid: of the process.
        since: local time at which it took the lock, ISO 8601 to the second.
        token: of this one time that the lock was taken.
    """

    host: str
    machine: str
    pid: int
    since: str
    token: str

    @classmethod
    def here(cls) -> "Holder":
        """This process, now."""
        now = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
        return cls(socket.gethostname(), _machine(), os.getpid(), now, secrets.token_hex(8))

    @classmethod
    def read(cls, path: Path) -> "Holder | None":
        """The holder named in a file; None if the file is gone, or not written to its end yet."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, at work since {self.since}"


@contextlib.contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Hold the lock of a folder for the length of the block; wait for it first if need be.

    The folder itself is not touched and need not exist, so it may be replaced as a whole inside.
    Ctrl-C ends the waiting. A lock is not reentrant: the same process would wait for itself.

    Args:
        folder: what is locked.
        what: what is made in it, for the line that says what is waited for.

    Raises:
        FsbenchError: the disk is full or the place can't be written.
        Interrupted: Ctrl-C came while waiting.
    """
    with disk_errors(str(folder)):
        folder.parent.mkdir(parents=True, exist_ok=True)
    lock, holder = (folder.parent / f".{folder.name}.{end}" for end in ("lock", "holder"))
    with _acquired(lock, holder, what) as me, _beating(holder):
        try:
            yield
        finally:
            if Holder.read(holder) == me:
                holder.unlink(missing_ok=True)


@contextlib.contextmanager
def _acquired(lock: Path, holder: Path, what: str) -> Iterator[Holder]:
    """Wait for both files, name this process in the second, and free the first at the end."""
    watch = _Watch(holder, what)
    while True:
        with disk_errors(str(lock)):
            fd = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            kernel = _flock(fd, lock)
            if kernel is not False and (me := _named(holder, watch, alone=bool(kernel))):
                try:
                    yield me
                finally:
                    lock.unlink(missing_ok=True)  # while locked; others look whether it is there
                return
        finally:
            os.close(fd)
        watch.wait()


def _flock(fd: int, path: Path) -> bool | None:
    """Try to lock an open file: True, False if another process has it, None if that can't be."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a disk without locks
        return None
    try:
        return os.fstat(fd).st_ino == path.stat().st_ino  # or its holder has removed it meanwhile
    except FileNotFoundError:
        return False


def _named(holder: Path, watch: "_Watch", *, alone: bool) -> Holder | None:
    """Name this process as the holder, unless one of another machine is alive.

    Args:
        holder: the file.
        watch: knows how long a heartbeat has been still.
        alone: whether the kernel says that no other process of this machine holds the lock.
    """
    there = Holder.read(holder)
    ended = alone and there is not None and there.machine == _machine()
    if ended or watch.stale():
        _remove(holder, there)
    me = Holder.here()
    try:
        with holder.open("x", encoding="utf-8") as file:
            json.dump(asdict(me), file)
    except FileExistsError:
        return None
    return me


def _remove(holder: Path, dead: Holder | None) -> None:
    """Take a dead holder's file away; of several that try, one moves it, the others find none."""
    grave = holder.with_name(f"{holder.name}.{secrets.token_hex(4)}")
    with contextlib.suppress(FileNotFoundError):
        holder.rename(grave)
        if Holder.read(grave) != dead:  # another process was quicker, and this is its own
            with contextlib.suppress(FileExistsError):
                holder.hardlink_to(grave)
        grave.unlink()


class _Watch:
    """What a waiting process has seen of the holder.

    Args:
        holder: the file.
        what: what is waited for.
    """

    def __init__(self, holder: Path, what: str) -> None:
        self._holder, self._what = holder, what
        self._said, self._beat, self._seen = "", -1, 0.0

    def wait(self) -> None:
        """Say once for whom, and sleep a little."""
        there = Holder.read(self._holder)
        if there is not None and there.token != self._said:
            self._said = there.token
            _log.warning("fsbench: waiting for %s (%s)", self._what, there)
        try:
            time.sleep(POLL_SECONDS)
        except KeyboardInterrupt as error:
            raise Interrupted(f"stopped waiting for {self._what}") from error

    def stale(self) -> bool:
        """Whether the heartbeat has been the same for so long that its machine must be gone."""
        try:
            beat = self._holder.stat().st_mtime_ns
        except OSError:
            beat = -1
        if beat != self._beat:
            self._beat, self._seen = beat, time.monotonic()
        return beat != -1 and time.monotonic() - self._seen > STALE_SECONDS


@contextlib.contextmanager
def _beating(holder: Path) -> Iterator[None]:
    """Touch a file every few seconds for the length of the block."""
    end = threading.Event()

    def beat() -> None:
        while not end.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(holder)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _machine() -> str:
    """Identity of the running kernel; where it does not tell, the name of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()
