"""Nested tables of settings: read from TOML, from ``--set``, and laid over each other."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fewshot_bench.config.model import Table
from fewshot_bench.errors import ConfigError
from fewshot_bench.reading import check_plain, read_text


def read_toml(path: Path) -> Table:
    """Read a TOML file; raises ConfigError that names it."""
    try:
        table = tomllib.loads(read_text(path))
        check_plain(table)
        return table
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist") from error
    except RecursionError as error:
        raise ConfigError(f"{path} can't be read as TOML: it is nested too deeply") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} can't be read as TOML: {error}") from error


def parse_setting(text: str) -> Table:
    """``"train.lr=0.01"`` to ``{"train": {"lr": 0.01}}``; a bare word is text."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set takes KEY=VALUE, for instance train.lr=0.01, not {text!r}")
    try:
        parsed: Any = tomllib.loads(f"x = {value}")["x"]
    except (tomllib.TOMLDecodeError, RecursionError):
        parsed = value.strip()
    for part in reversed(key.strip().split(".")):
        parsed = {part: parsed}
    try:
        check_plain(parsed)
    except ValueError as error:
        raise ConfigError(f"--set {text[:80]}: {error}") from error
    return dict(parsed)


def merge_tables(*tables: Mapping[str, Any]) -> Table:
    """Deep merge, later tables winning."""
    out: Table = {}
    for table in tables:
        for key, value in table.items():
            old = out.get(key)
            if isinstance(old, dict) and isinstance(value, Mapping):
                value = merge_tables(old, value)
            out[key] = value
    return out
