"""JSON for programs: one way to ask for it, and one way to print it.

``docs/programs.md`` says what each command prints, and a test runs them all and compares.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, accuracies as fractions.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no remarks.")]


def echo_json(value: Any) -> None:
    """Print a value as JSON, which must be all that a command prints on standard output."""
    typer.echo(json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """The same in what JSON has.

    Mappings and instances of dataclasses become objects, sequences lists, and paths text. NaN and
    infinities, which JSON does not have, become None.

    >>> plain({"loss": float("nan"), "files": (Path("a.json"),)})
    {'loss': None, 'files': ['a.json']}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
