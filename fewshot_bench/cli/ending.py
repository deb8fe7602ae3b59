"""How a command ends: the one place that makes one line and an exit code of whatever goes wrong.

Errors that the user can mend exit with 2, and signals with 128 + their number. Everything else that
escapes from a command is a disk that is full, a file of a form that nobody has thought of, or a
mistake of this program: one line too, exit code 1, and how to see where it came from.
"""

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterator

from fewshot_bench.cli.signals import exit_code
from fewshot_bench.errors import FsbenchError, Interrupted, TrainingError, one_line
from fewshot_bench.world import LostProcessError, expected

TRACEBACK, TRACEBACK_VARIABLE = "--traceback", "FSBENCH_TRACEBACK"
LONGEST = 2000  # characters of a message; the rest of a hostile file's text helps nobody
_GONE = (errno.EPIPE, errno.ESHUTDOWN)  # whoever read our output has ended


def ended(command: Callable[[], object], seen: Callable[[], list[int]], *, trace: bool) -> int:
    """Run a command to its end.

    Args:
        command: the work.
        seen: the signals that came, see :func:`fewshot_bench.cli.signals.arrivals`.
        trace: whether to print where an error came from.

    Returns:
        The exit code. ``SystemExit`` of the parser of the command line goes through.
    """
    try:
        with _tolerant_output():
            command()
            sys.stdout.flush()  # here, where a full disk can still be reported
    except FsbenchError as error:
        stopped = isinstance(error, Interrupted)
        code = exit_code(seen(), error.exit_code) if stopped else error.exit_code
        return _failed(str(error), code, trace=trace) if _tells(error) else code
    except KeyboardInterrupt:
        return _failed("stopped", exit_code(seen(), Interrupted.exit_code), trace=trace)
    except Exception as error:
        _silence(sys.stdout)
        if isinstance(error, OSError) and error.errno in _GONE:
            return 1
        hint = "" if trace else f"; {TRACEBACK} shows where"
        return _failed(f"{described(error)}{hint}", 1, trace=trace)
    return 0


def described(error: Exception) -> str:
    """An error that nobody has put into words, in words.

    >>> described(OSError(28, "No space left on device", "a.json"))
    'a.json: No space left on device'
    >>> described(KeyError("x"))
    "unexpected KeyError: 'x'"
    """
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror}"
    if isinstance(error, MemoryError):
        return f"out of memory ({error})" if str(error) else "out of memory"
    return f"unexpected {type(error).__name__}: {error}"


def _tells(error: FsbenchError) -> bool:
    """Whether this process tells of an error, of several that share the work.

    All of them make the same mistakes; but what one of them trained may diverge alone.
    """
    if isinstance(error, LostProcessError) and "FSBENCH_WATCHED" in os.environ:
        return False  # whoever watches them tells
    return expected().leads or isinstance(error, TrainingError)


def _failed(message: str, code: int, *, trace: bool) -> int:
    with contextlib.suppress(OSError):
        if trace:
            traceback.print_exc()
        print(f"fsbench: {one_line(message)[:LONGEST]}", file=sys.stderr, flush=True)
    return code


@contextlib.contextmanager
def _tolerant_output() -> Iterator[None]:
    """Print names that are no text as escapes, in place of an error in the middle of a table."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError):  # not every stream is a file
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        yield
    except SystemExit as end:
        try:
            sys.stdout.flush()
        except OSError as error:
            raise error from end
        raise


def _silence(stream: object) -> None:
    """Let what can't be written go, lest the interpreter tries again at its end and says so."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        target = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(target, stream.fileno())  # type: ignore[attr-defined]
        finally:
            os.close(target)
