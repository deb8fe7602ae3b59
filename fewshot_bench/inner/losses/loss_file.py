"""Learned losses as small JSON files, which may come from a stranger.

    {"schema": 1, "kind": "symbolic", "task": "classification",
     "expression": "mul(-1,mul(y,log(f(x))))", "weights": [1.0, 1.02, ...],
     "fitness": 0.03, "provenance": {"data": "digits", ...}}

``kind`` is a word of :mod:`fewshot_bench.inner.losses.kinds`, whose class says what else there is.
A file is data: its size is bounded, every field is checked, and nothing in it is executed.
"""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fewshot_bench.errors import ConfigError, DataError, one_line
from fewshot_bench.files import dump_json, write_atomic
from fewshot_bench.inner.losses.network_file import NetworkFile, network_file
from fewshot_bench.inner.losses.per_output import Task
from fewshot_bench.inner.losses.stored import StoredLoss
from fewshot_bench.inner.losses.symbolic_file import SymbolicFile
from fewshot_bench.inner.losses.taylor_file import TaylorFile
from fewshot_bench.inner.protocols import InnerLoss
from fewshot_bench.nn.params import Params
from fewshot_bench.reading import parse_json, read_text
from fewshot_bench.registry import LOSS_KINDS

__all__ = [
    "MAX_BYTES",
    "NetworkFile",
    "StoredLoss",
    "SymbolicFile",
    "TaylorFile",
    "from_file",
    "network_file",
    "read_loss",
    "stored",
    "to_file",
    "write_loss",
]

MAX_BYTES = 1_000_000


def stored(loss: InnerLoss, phi: Params, task: Task, **facts: Any) -> StoredLoss:
    """A learned loss as what a file holds.

    Args:
        loss: with its numbers frozen, or not.
        phi: the numbers that are not frozen.
        task: what it was learned for.
        facts: fitness and provenance.

    Raises:
        ConfigError: no kind of file can hold it.
    """
    for entry in LOSS_KINDS:
        kind: type[StoredLoss] = entry.load()
        if (found := kind.of(loss, phi, task, facts)) is not None:
            return found
    raise ConfigError(f"no kind of loss file can hold a {type(loss).__name__}")


def to_file(path: Path, loss: InnerLoss, phi: Params, task: Task, **facts: Any) -> None:
    """Write a learned loss, atomically; see :func:`stored`."""
    write_loss(path, stored(loss, phi, task, **facts))


def from_file(path: Path, task: Task | None = None) -> InnerLoss:
    """Read a loss with its numbers frozen; see :func:`read_loss`."""
    return read_loss(path, task).loss()


def read_loss(path: Path, task: Task | None = None) -> StoredLoss:
    """Read and check a loss file.

    Args:
        path: of the file.
        task: what it has to be for; None for either.

    Raises:
        DataError: missing, too large, not a possible loss, or for another task; one line that
            says where.
    """
    try:
        file = _checked(path, parse_json(read_text(path, MAX_BYTES)))
        file.loss()
        if task not in (None, file.task):
            raise ConfigError(
                f"it was learned for {file.task}, not {task}; edit its 'task' to use it there"
            )
    except FileNotFoundError as error:
        raise DataError(f"loss file {path} does not exist") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][:6]) or "the whole"
        reason = one_line(f"{where[:80]}: {first['msg'][:200]}")
        raise DataError(f"loss file {path}: {reason}") from error
    except RecursionError as error:
        raise DataError(f"loss file {path} is nested too deeply") from error
    except ConfigError as error:
        raise DataError(f"loss file {path}: {error}") from error
    except OSError as error:
        raise DataError(f"loss file {path} can't be read: {error.strerror or error}") from error
    except (ValueError, OverflowError) as error:
        raise DataError(f"loss file {path} can't be read: {str(error)[:200]}") from error
    return file


def write_loss(path: Path, file: StoredLoss) -> None:
    """Write a loss file, atomically."""
    write_atomic(path, dump_json(file.model_dump(by_alias=True)))


def _checked(path: Path, content: Any) -> StoredLoss:
    """Content of a file as its kind has it."""
    if not isinstance(content, dict):
        raise DataError(f"loss file {path}: the whole: it should be a valid dictionary")
    kind = content.get("kind")
    if not isinstance(kind, str) or kind not in LOSS_KINDS:
        known = ", ".join(repr(entry.name) for entry in LOSS_KINDS)
        given = one_line(str(kind))[:80]
        raise DataError(f"loss file {path}: kind must be one of {known}, not '{given}'")
    model: type[StoredLoss] = LOSS_KINDS.load(kind)
    return model.model_validate(content)
