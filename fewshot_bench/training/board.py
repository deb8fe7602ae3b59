"""TensorBoard beside a training, which must never wait for it or fail with it.

Its writer has a thread and a short queue of its own: on a disk that hangs, whoever adds to the queue
waits for ever. So a thread of ours does that, and nobody waits for this one.
"""

import logging
import queue
import threading
from pathlib import Path
from typing import Any

CLOSE_SECONDS = 3.0  # for what is not written yet
_log = logging.getLogger(__name__)


class Board:
    """Numbers on their way to TensorBoard.

    Args:
        writer: has ``add_scalar`` and ``close``, as ``SummaryWriter``.
    """

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._waiting: queue.SimpleQueue[tuple[int, dict[str, Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def write(self, step: int, values: dict[str, Any]) -> None:
        """Numbers of one step."""
        self._waiting.put((step, values))

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what is left, as far as it goes in so many seconds."""
        self._waiting.put(None)
        self._thread.join(seconds)

    def _work(self) -> None:
        try:
            while (event := self._waiting.get()) is not None:
                for name, value in event[1].items():
                    self._writer.add_scalar(name, value, event[0])
            self._writer.close()
        except Exception as error:  # of TensorBoard's or the disk's; the log has the numbers, too
            _log.warning("fsbench: note: TensorBoard's files end here: %s", error)


def open_board(folder: Path, resume_step: int) -> Board | None:
    """A board of a run; None where TensorBoard is not installed or can't write.

    Args:
        folder: the run's.
        resume_step: number of finished steps; what came after them is not shown any more.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter

        purge = resume_step + 1 if resume_step else None
        return Board(SummaryWriter(folder / "tensorboard", purge_step=purge))
    except ImportError:
        return None
    except OSError as error:
        _log.warning("fsbench: note: TensorBoard can't write: %s", error)
        return None
