"""The command line, ``fsbench``.

Modules of this package import nothing heavy at the top, so that ``fsbench list`` answers at once;
each command imports what it needs when it runs.
"""

import sys

from fewshot_bench.errors import FsbenchError, Interrupted


def main() -> None:
    """Entry point: run a command; errors of the user's are one line and exit code 2.

    A run that a signal stopped exits with 130 (Ctrl-C) or 143 (SIGTERM).
    """
    from fewshot_bench.cli.app import app
    from fewshot_bench.cli.signals import arrivals, exit_code

    with arrivals() as seen:
        try:
            app()
        except Interrupted as error:
            print(f"fsbench: {error}", file=sys.stderr)
            sys.exit(exit_code(seen(), error.exit_code))
        except FsbenchError as error:
            print(f"fsbench: {error}", file=sys.stderr)
            sys.exit(error.exit_code)
