"""Figures as files: the same figure gives the same bytes."""

import io
import warnings
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from fewshot_bench.errors import ConfigError
from fewshot_bench.files import write_atomic
from fewshot_bench.leaderboard.plots.style import style

# What each format would otherwise write of date and program.
UNSAID: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
DPI = 300


def check_suffix(path: Path) -> str:
    """The kind of picture that a file name asks for, one of ``svg``, ``png`` and ``pdf``.

    Raises:
        ConfigError: the name ends in something else.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in UNSAID:
        raise ConfigError(f"{path} is no name of a picture; end it in .{', .'.join(UNSAID)}")
    return kind


def render(figure: Figure, kind: str) -> bytes:
    """The bytes of a figure as ``svg``, ``png`` or ``pdf``."""
    buffer = io.BytesIO()
    with style(), warnings.catch_warnings():
        # A name in a script that the font lacks shows as boxes; that is no reason to fail.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(buffer, format=kind, metadata=UNSAID[kind], dpi=DPI)
    return buffer.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write a figure as what the suffix says.

    Raises:
        ConfigError: the suffix is none of ``.svg``, ``.png`` and ``.pdf``.
        FsbenchError: the file can't be written.
    """
    write_atomic(path, render(figure, check_suffix(path)))
