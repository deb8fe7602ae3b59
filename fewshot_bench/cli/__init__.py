"""The command line, ``fsbench``.

:mod:`fewshot_bench.cli.lazy` imports a command's module when the command is run, so that help and
``fsbench list`` answer at once. Imports inside functions are for commands that answer without torch
or matplotlib in some cases.
"""

import os
import sys

from fewshot_bench.cli.app import app as fsbench
from fewshot_bench.cli.ending import TRACEBACK, TRACEBACK_VARIABLE, ended
from fewshot_bench.cli.signals import arrivals


def main() -> None:
    """Entry point: run a command; errors of the user's are one line and exit code 2.

    A run that a signal stopped exits with 130 (Ctrl-C) or 143 (SIGTERM); whatever else goes wrong
    is one line and exit code 1, see :mod:`fewshot_bench.cli.ending`.
    """
    # Before torch is loaded: threads that spin while they wait for each other take forty times as
    # long where other processes want the cores, too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    trace = TRACEBACK in sys.argv[1:] or os.environ.get(TRACEBACK_VARIABLE, "") not in ("", "0")
    words = [word for word in sys.argv[1:] if word != TRACEBACK]  # it may stand anywhere
    with arrivals() as seen:
        code = ended(lambda: fsbench(args=words), seen, trace=trace)
    if code:
        sys.exit(code)
