"""What ``sweep`` and ``tune`` show of their jobs: a live table, or a line each minute."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table

from fewshot_bench.cli.progress import MinuteLines
from fewshot_bench.launch.drive import Progress

Rows = Sequence[Mapping[str, str]]


@contextlib.contextmanager
def watched(
    out: Console, what: str, rows: Callable[[Progress], Rows]
) -> Iterator[Callable[[Progress], None]]:
    """Show a launch for the length of the block.

    Args:
        out: where; on a terminal as a table, else as a line each minute.
        what: what to call it.
        rows: of the table.

    Yields:
        A function that is told of the progress.
    """
    lines = MinuteLines(out)
    lines.begin(what)
    with contextlib.ExitStack() as stack:
        live = None
        if out.is_terminal and not out.quiet:
            live = stack.enter_context(Live(console=out, transient=True, refresh_per_second=4))

        def show(progress: Progress) -> None:
            if live is not None:
                live.update(_table(rows(progress), status(progress)))
            lines.at(len(progress.outcomes), len(progress.jobs))

        yield show


def status(progress: Progress) -> str:
    """How many jobs are in which state."""
    parts = {state: progress.count(state) for state in ("done", "running", "waiting", "failed")}
    return ", ".join(f"{count} {state}" for state, count in parts.items() if count)


def _table(rows: Rows, caption: str) -> Table:
    table = Table(caption=caption, box=None)
    for name in rows[0] if rows else ():
        table.add_column(name)
    for row in rows:
        table.add_row(*row.values())
    return table


def failure_lines(progress: Progress) -> list[str]:
    """What failed, one line each."""
    failures = progress.failures()
    lines = [f"{counted(len(failures), 'job')} failed:"]
    return lines + [f"  {progress.jobs[one.id].title}: {one.error}" for one in failures]


def counted(number: int, noun: str) -> str:
    """``1 cell``, ``2 cells``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
