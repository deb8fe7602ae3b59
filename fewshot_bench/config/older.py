"""Configurations of earlier versions: ``[pretrain]`` and ``[relation]``, now ``stages.*``.

The relation network had its settings in everybody's configuration. Where they are those that stood
there by default they are left out: a method that has such a part fills in the same ones.
"""

import logging
from collections.abc import Mapping
from typing import Any

from fewshot_bench.config.model import Table
from fewshot_bench.config.tables import merge_tables

RENAMED = {"pretrain": "classify", "relation": "relation"}  # table -> stage
_RELATION = {"steps": 2000, "meta_batch": 1, "lr": 1e-3, "val_every": 250, "val_episodes": 100}
_log = logging.getLogger(__name__)


def translated(table: Mapping[str, Any], *, source: str = "") -> Table:
    """A table of settings in today's names; what is said under a new name wins.

    Args:
        table: nested settings, changed in a copy.
        source: what to call it in the one line on standard error; "" says nothing.
    """
    new = {key: value for key, value in table.items() if key not in RENAMED}
    old = {key: table[key] for key in RENAMED if isinstance(table.get(key), Mapping)}
    if not old:
        return dict(table)
    said = {key: dict(value) for key, value in old.items() if not _by_default(key, value)}
    moved = {RENAMED[key]: value for key, value in said.items()}
    newer = new.get("stages", {})
    stages = merge_tables(moved, newer)
    if source:
        names = ", ".join(f"{key} is now stages.{RENAMED[key]}" for key in old)
        _log.warning("fsbench: note on %s: %s", source, names)
    return {**new, "stages": stages} if stages else new


def _by_default(key: str, table: Mapping[str, Any]) -> bool:
    """Whether an old table is the one that every configuration had."""
    return key == "relation" and dict(table) == _RELATION
