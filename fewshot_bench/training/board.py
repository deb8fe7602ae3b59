"""TensorBoard beside a training, which must never wait for it or fail with it.

TensorBoard's own writer has a thread that may hang on a slow disk, with whoever adds to its short
queue, and that dies with a traceback on a full one. So its files are written here, by a thread for
which nobody waits; the form of their records is TensorBoard's.
"""

import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

CLOSE_SECONDS = 3.0  # for what is not written yet
_log = logging.getLogger(__name__)


class Scalars(Protocol):
    """Where numbers go."""

    def add(self, step: int, values: dict[str, Any]) -> None:
        """Numbers of one step, by name."""

    def close(self) -> None:
        """After the last."""


class Board:
    """Numbers on their way to a file.

    Args:
        make: opens it; called in the thread.
    """

    def __init__(self, make: Callable[[], Scalars]) -> None:
        self._make = make
        self._waiting: queue.SimpleQueue[tuple[int, dict[str, Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def write(self, step: int, values: dict[str, Any]) -> None:
        """Numbers of one step, by name."""
        self._waiting.put((step, values))

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what is left, as far as it goes in so many seconds."""
        self._waiting.put(None)
        self._thread.join(seconds)

    def _work(self) -> None:
        try:
            file = self._make()
            while (event := self._waiting.get()) is not None:
                file.add(*event)
            file.close()
        except Exception as error:  # of TensorBoard's or the disk's; the log has the numbers, too
            _log.warning("fsbench: note: TensorBoard's files end here: %s", error)


class EventFile:
    """One of TensorBoard's files.

    Args:
        folder: where TensorBoard looks.
        purge: first step that is not shown any more of earlier files; None for all.

    Raises:
        ImportError: TensorBoard is not installed.
        OSError: the file can't be written.
    """

    def __init__(self, folder: Path, purge: int | None) -> None:
        from tensorboard.compat.proto import event_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}"
        self._writer = RecordWriter((folder / f"{name}.{time.monotonic_ns()}").open("xb"))
        self._event = event_pb2.Event
        self._write(file_version="brain.Event:2")
        if purge is not None:
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._write(step=purge, session_log=start)

    def add(self, step: int, values: dict[str, Any]) -> None:
        """Numbers of one step, by name."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        told = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._write(step=step, summary=Summary(value=told))

    def close(self) -> None:
        """After the last."""
        self._writer.close()

    def _write(self, **parts: Any) -> None:
        self._writer.write(self._event(wall_time=time.time(), **parts).SerializeToString())
        self._writer.flush()


def open_board(folder: Path, resume_step: int) -> Board | None:
    """A board of a run; None where TensorBoard is not installed.

    Args:
        folder: the run's.
        resume_step: number of finished steps; what came after them is not shown any more.
    """
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        return None
    return Board(
        lambda: EventFile(folder / "tensorboard", resume_step + 1 if resume_step else None)
    )
