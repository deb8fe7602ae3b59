"""What tells rows of one method and backbone apart: the settings in which they differ."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from fewshot_bench.evaluation.identity import seedless
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.board import Row

SHOWN = 3  # settings per note


def with_telling_notes(
    rows: Mapping[str, Row], results: Mapping[str, Sequence[Result]]
) -> dict[str, Row]:
    """Rows whose notes name the settings that differ among rows of one name on one board."""
    twins: dict[tuple[Any, ...], list[str]] = collections.defaultdict(list)
    for row in rows.values():
        twins[row.method, row.backbone, row.benchmark, row.task].append(row.id)
    noted = dict(rows)
    for ids in twins.values():
        settings = {row_id: _settings(results[row_id][0]) for row_id in ids}
        names = sorted({name for table in settings.values() for name in table})
        telling = [n for n in names if len({settings[i].get(n, "") for i in ids}) > 1]
        for row_id in ids if telling else ():
            parts = [f"{name}={settings[row_id].get(name, 'unset')}" for name in telling]
            more = [f"{len(parts) - SHOWN} more"] if len(parts) > SHOWN else []
            noted[row_id] = dataclasses.replace(
                rows[row_id], note=", ".join([*parts[:SHOWN], *more])
            )
    return noted


def _settings(result: Result) -> dict[str, str]:
    """Settings by dotted name, and what else a configuration's identity depends on."""
    table = dict(_flat(seedless(result.document), ""))
    dataset, protocol = result.document.dataset, result.document.protocol
    table["episodes"] = f"{protocol.id} {protocol.sampler.drawing} {protocol.sampler.seed}"
    table["data"] = dataset.fingerprint[:8]
    table["classes"] = dataset.class_list_sha256[:8]
    return table


def _flat(table: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for key, value in table.items():
        flat += (
            _flat(value, f"{prefix}{key}.")
            if isinstance(value, dict)
            else [(prefix + key, str(value))]
        )
    return flat
