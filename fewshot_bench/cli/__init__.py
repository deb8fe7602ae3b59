"""The command line, ``fsbench``.

:mod:`fewshot_bench.cli.lazy` imports a command's module when the command is run, so that help and
``fsbench list`` answer at once. Imports inside functions are for commands that answer without torch
or matplotlib in some cases.
"""

import os
import sys

from fewshot_bench.cli.app import app as fsbench
from fewshot_bench.cli.signals import arrivals, exit_code
from fewshot_bench.errors import FsbenchError, Interrupted, TrainingError
from fewshot_bench.world import LostProcessError, expected


def main() -> None:
    """Entry point: run a command; errors of the user's are one line and exit code 2.

    A run that a signal stopped exits with 130 (Ctrl-C) or 143 (SIGTERM).
    """
    # Before torch is loaded: threads that spin while they wait for each other take forty times as
    # long where other processes want the cores, too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with arrivals() as seen:
        try:
            fsbench()
        except Interrupted as error:
            if _tells(error):
                print(f"fsbench: {error}", file=sys.stderr)
            sys.exit(exit_code(seen(), error.exit_code))
        except FsbenchError as error:
            if _tells(error):
                print(f"fsbench: {error}", file=sys.stderr)
            sys.exit(error.exit_code)


def _tells(error: FsbenchError) -> bool:
    """Whether this process tells of an error, of several that share the work.

    All of them make the same mistakes; but what one of them trained may diverge alone.
    """
    if isinstance(error, LostProcessError) and "FSBENCH_WATCHED" in os.environ:
        return False  # whoever watches them tells
    return expected().leads or isinstance(error, TrainingError)
