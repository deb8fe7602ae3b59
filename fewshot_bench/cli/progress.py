"""Progress on the terminal; plain lines where the output is a file (Slurm, nohup)."""

import sys
import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
)
from rich.text import Text

from fewshot_bench.cli.estimate import Pace, ending
from fewshot_bench.world import expected


class _Rate(ProgressColumn):
    """Episodes or images per second of this process, whatever was done before it."""

    def render(self, task: Task) -> Text:
        """Cell text."""
        begun = task.fields["begun"]
        done = (task.completed - begun) * task.fields["per_step"]
        elapsed = task.elapsed or 0.0
        return Text(f"{done / elapsed:.1f}/s" if elapsed and done else "--/s")


class TimeLeft(ProgressColumn):
    """What is left and when it ends, by the speed of the last half minute."""

    def render(self, task: Task) -> Text:
        """Cell text; empty where nothing is known."""
        left = task.time_remaining
        return Text(ending(left, datetime.now()) if left else "", style="progress.remaining")


def progress_bar(console: Console) -> Progress:
    """A bar with counts, speed and the time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        _Rate(),
        TimeLeft(),
        TextColumn("{task.fields[note]}"),
        console=console,
        transient=True,
    )


FIRST_SECONDS, EVERY_SECONDS = 5.0, 60.0


class MinuteLines:
    """Lines where there is no terminal: how far work is, and about when it ends.

    The first comes after some seconds if more than a minute is left, the others each minute.

    Args:
        console: where to print; nothing is printed to a terminal, which has a bar.
        clock: seconds that only grow.
        now: the time of day.
    """

    def __init__(
        self,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._console, self._clock = console, clock
        self._pace = Pace(clock, now)
        self._what, self._begun, self._due = "", 0.0, 0.0

    def begin(self, what: str, done: int = 0) -> None:
        """Work begins, or goes on.

        Args:
            what: what to call it.
            done: how much was done before; it does not count for the speed.
        """
        self._what, self._begun = what, self._clock()
        self._due = self._begun + FIRST_SECONDS
        self._pace.begin(done)

    def at(self, done: int, total: int) -> None:
        """So much of the work is done."""
        now, left = self._clock(), self._pace.seconds_left(done, total)
        if self._console.is_terminal or now < self._due or left is None:
            return
        self._due = now + EVERY_SECONDS
        if left < EVERY_SECONDS and now < self._begun + EVERY_SECONDS:
            return  # short work needs no line
        end = self._pace.words(done, total)
        self._console.print(f"{self._what}: {done}/{total}  {end}".rstrip(), markup=False)


class TrainingDisplay:
    """Shows all stages of a training: a bar on a terminal, lines elsewhere.

    There is a line for each validation and, if these are rare, one a minute.

    Args:
        console: where to show it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = progress_bar(console)
        self._task = self._bar.add_task("starting", total=None, note="", begun=0, per_step=1)
        self._what, self._steps, self._begun = "", 0, False
        self._since = time.monotonic()
        self._lines = MinuteLines(console)

    def __enter__(self) -> "TrainingDisplay":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def begin(self, what: str, steps: int, per_step: int) -> None:
        """Observer: a stage begins, or goes on."""
        self._what, self._steps, self._begun = what, steps, False
        self._bar.reset(
            self._task, description=what, total=steps, note="", begun=0, per_step=per_step
        )

    def step(self, step: int, per_step: int, loss: float) -> None:  # noqa: ARG002
        """Observer: a step is done."""
        if not self._begun:  # a resumed stage starts in the middle of the bar
            self._begun = True
            self._bar.update(self._task, begun=step - 1)
            self._lines.begin(self._what, step)
        self._bar.update(self._task, completed=step)
        self._lines.at(step, self._steps)

    def validation(self, step: int, accuracy: float, best: float) -> None:
        """Observer: a validation is done."""
        self._bar.update(self._task, note=f"val {100 * accuracy:.1f} % (best {100 * best:.1f})")
        if not self._console.is_terminal:
            seconds = time.monotonic() - self._since
            self._console.print(
                f"{self._what}: step {step}/{self._steps}  val {100 * accuracy:.2f} %"
                f"  best {100 * best:.2f} %  {seconds:.0f} s"
            )


def console(quiet: bool = False) -> Console:
    """Messages and progress go to standard error, or nowhere; results go to standard output.

    Of several processes that share the work, one speaks.
    """
    quiet = quiet or not expected().leads
    return Console(file=sys.stderr, highlight=False, soft_wrap=True, quiet=quiet)
