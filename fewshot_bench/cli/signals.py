"""Which signals came while a command ran, whoever handled them."""

import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator

EXIT_CODES: dict[int, int] = {
    signal.SIGINT: 130,
    signal.SIGTERM: 143,
}  # 128 + number, as shells have it


@contextlib.contextmanager
def arrivals() -> Iterator[Callable[[], list[int]]]:
    """Write down signals that have a handler in Python, in the order of their arrival.

    Trainings handle SIGINT and SIGTERM themselves: they save their state and then end in one and
    the same way. The command line still owes its caller the exit code of the signal.

    Yields:
        A function that gives the numbers so far; outside the main thread there are none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: []
        return
    reader, writer = socket.socketpair()
    seen: list[int] = []

    def so_far() -> list[int]:
        with contextlib.suppress(BlockingIOError):
            seen.extend(reader.recv(4096))
        return seen

    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield so_far
        finally:
            signal.set_wakeup_fd(before)


def exit_code(seen: list[int], otherwise: int) -> int:
    """The code of the first signal that a stopped run obeyed, or another one if none came."""
    return next((EXIT_CODES[number] for number in seen if number in EXIT_CODES), otherwise)
