"""Configurations of earlier versions: what has another name or another place today.

* ``[pretrain]`` and ``[relation]`` are ``stages.*``. The relation network had its settings in
  everybody's configuration. Where they are those that stood there by default they are left out: a
  method that has such a part fills in the same ones.
* Options of a method that became those of one of its registered parts.
"""

import logging
from collections.abc import Mapping
from typing import Any

from fewshot_bench.config.model import Table
from fewshot_bench.config.tables import merge_tables

RENAMED = {"pretrain": "classify", "relation": "relation"}  # table -> stage
_RELATION = {"steps": 2000, "meta_batch": 1, "lr": 1e-3, "val_every": 250, "val_episodes": 100}
_NETWORK = {"network": "loss", "inputs": "loss_options.inputs"}
MOVED = {  # method -> option -> where it stands in the options now
    "meta-sgd": {"low": "optimizer_options.low", "high": "optimizer_options.high"},
    "alfa": {"decay": "optimizer_options.decay"},
    "mt-net": {"temperature": "optimizer_options.temperature"},
    "gap": {"exact": "optimizer_options.exact", "approximate": "optimizer_options.approximate"},
    "maml+sparse_lsr": {"smoothing": "loss_options.smoothing"},
    "maml+ml3": _NETWORK,
    "maml+adalfl": _NETWORK,
}
_log = logging.getLogger(__name__)


def translated(table: Mapping[str, Any], *, source: str = "", method: object = None) -> Table:
    """A table of settings in today's names; what is said under a new name wins.

    Args:
        table: nested settings, changed in a copy.
        source: what to call it in the one line on standard error; "" says nothing.
        method: whose options they are, where the table does not say.
    """
    new, stages = _stages_renamed(table)
    new, options = _options_moved(new, table.get("method", method))
    if source and (names := [*stages, *options]):
        _log.warning("fsbench: note on %s: %s", source, ", ".join(names))
    return new


def _stages_renamed(table: Mapping[str, Any]) -> tuple[Table, list[str]]:
    """The tables of stages under their names of today, and what was renamed."""
    old = {key: table[key] for key in RENAMED if isinstance(table.get(key), Mapping)}
    if not old:
        return dict(table), []
    new = {key: value for key, value in table.items() if key not in RENAMED}
    said = {key: dict(value) for key, value in old.items() if not _by_default(key, value)}
    moved = {RENAMED[key]: value for key, value in said.items()}
    if stages := merge_tables(moved, new.get("stages", {})):
        new["stages"] = stages
    return new, [f"{key} is now stages.{RENAMED[key]}" for key in old]


def _options_moved(table: Table, method: object) -> tuple[Table, list[str]]:
    """The options of a method where they stand today, and what was moved."""
    options = table.get("options")
    places = MOVED.get(method, {}) if isinstance(method, str) else {}
    if not isinstance(options, Mapping) or not (old := [key for key in places if key in options]):
        return table, []
    moved = merge_tables(*(_nested(places[key], options[key]) for key in old))
    kept = {key: value for key, value in options.items() if key not in old}
    names = [f"options.{key} is now options.{places[key]}" for key in old]
    return {**table, "options": merge_tables(moved, kept)}, names


def _nested(place: str, value: object) -> Table:
    """``{"a": {"b": value}}`` for the place ``a.b``."""
    first, _, rest = place.partition(".")
    return {first: _nested(rest, value) if rest else value}


def _by_default(key: str, table: Mapping[str, Any]) -> bool:
    """Whether an old table is the one that every configuration had."""
    return key == "relation" and dict(table) == _RELATION
