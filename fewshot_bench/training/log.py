"""The record of a training: one JSON line per event, and TensorBoard where it is installed."""

import contextlib
import json
from pathlib import Path
from types import TracebackType
from typing import Any

from fewshot_bench.files import disk_errors, write_atomic
from fewshot_bench.reading import parse_json, read_bytes
from fewshot_bench.training.board import open_board

_NUMBERS = ("step", "val_accuracy", "loss")


class EventLog:
    """Keeps nothing: the log of a process whose training another process writes down."""

    def write(self, step: int, **values: Any) -> None:
        """Record numbers of one step."""


class TrainingLog(EventLog):
    """Appends to ``log.jsonl``; a resumed run drops what came after its checkpoint.

    Args:
        folder: the run's folder.
        resume_step: number of finished steps; later lines are removed.
    """

    def __init__(self, folder: Path, resume_step: int = 0) -> None:
        path = folder / "log.jsonl"
        kept = [event for event in _events(path) if event["step"] <= resume_step and resume_step]
        text = "".join(f"{json.dumps(event)}\n" for event in kept)
        write_atomic(path, text.encode())
        self._file = path.open("a", encoding="utf-8")
        self._board = open_board(folder, resume_step)

    def write(self, step: int, **values: Any) -> None:
        """Record numbers of one step."""
        with disk_errors(self._file.name):
            self._file.write(json.dumps({"step": step, **values}) + "\n")
            self._file.flush()
        if self._board is not None:
            self._board.write(step, values)

    def __enter__(self) -> "TrainingLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # a full disk was reported by the line that met it
            self._file.close()
        if self._board is not None and not (kind and issubclass(kind, KeyboardInterrupt)):
            self._board.close()


def training_log(
    folder: Path, resume_step: int, *, writes: bool
) -> contextlib.AbstractContextManager[EventLog]:
    """The log of a training, or one that keeps nothing where another process writes it."""
    return TrainingLog(folder, resume_step) if writes else contextlib.nullcontext(EventLog())


def learning_curve(folder: Path, points: int = 60) -> list[tuple[int, float]]:
    """(step, validation accuracy) of a training, at most ``points`` of them; [] without a log.

    Steps increase: of one that a log holds twice, the last accuracy counts.
    """
    events = _events(folder / "log.jsonl")
    found = {event["step"]: event["val_accuracy"] for event in events if "val_accuracy" in event}
    curve = sorted(found.items())
    every = -(-len(curve) // points) or 1
    return curve[::-every][::-1]  # the last one always, since it is where the training ended


def _events(path: Path) -> list[dict[str, Any]]:
    """What a log holds; a killed process or a full disk may have left broken lines."""
    if not path.exists():
        return []
    events = []
    for line in read_bytes(path).decode("utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            event = parse_json(line)
            if isinstance(event, dict) and all(_is_number(event.get(n, 0)) for n in _NUMBERS):
                events += [event] if isinstance(event.get("step"), int) else []
    return events


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
