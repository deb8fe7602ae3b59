"""Progress on the terminal; plain lines where the output is a file (Slurm, nohup)."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    """Episodes or images per second of this process, whatever was done before it."""

    def render(self, task: Task) -> Text:
        """Cell text."""
        begun = task.fields["begun"]
        done = (task.completed - begun) * task.fields["per_step"]
        elapsed = task.elapsed or 0.0
        return Text(f"{done / elapsed:.1f}/s" if elapsed and done else "--/s")


def progress_bar(console: Console) -> Progress:
    """A bar with counts, speed and the time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}"),
        console=console,
        transient=True,
    )


class TrainingDisplay:
    """Shows all stages of a training: a bar on a terminal, a line per validation elsewhere.

    Args:
        console: where to show it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = progress_bar(console)
        self._task = self._bar.add_task("starting", total=None, note="", begun=0, per_step=1)
        self._what, self._steps, self._begun = "", 0, False
        self._since = time.monotonic()

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
        self._bar.update(self._task, completed=step)

    def validation(self, step: int, accuracy: float, best: float) -> None:
        """Observer: a validation is done."""
        self._bar.update(self._task, note=f"val {100 * accuracy:.1f} % (best {100 * best:.1f})")
        if not self._console.is_terminal:
            seconds = time.monotonic() - self._since
            self._console.print(
                f"{self._what}: step {step}/{self._steps}  val {100 * accuracy:.2f} %"
                f"  best {100 * best:.2f} %  {seconds:.0f} s"
            )


def console() -> Console:
    """Messages and progress go to standard error; results go to standard output."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)
