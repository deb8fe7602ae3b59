"""What tells rows of one method and backbone apart: the settings in which they differ."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fewshot_bench.evaluation.identity import seedless
from fewshot_bench.evaluation.pretraining import distinct_pretrainings, pretraining_words
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.board import Row

SHOWN = 3  # settings per note
TRAINING, CLASSIFY = "pre-training", "stages.classify."  # in words, and their settings


def with_telling_notes(
    rows: Mapping[str, Row], results: Mapping[str, Sequence[Result]]
) -> dict[str, Row]:
    """Rows whose notes name the settings that differ among rows of one name on one board."""
    twins: dict[tuple[Any, ...], list[str]] = collections.defaultdict(list)
    for row in rows.values():
        twins[row.method, row.backbone, row.benchmark, row.task, row.trained_on].append(row.id)
    noted = dict(rows)
    for ids in twins.values():
        settings = {row_id: _settings(results[row_id][0]) for row_id in ids}
        telling = _telling(settings, {row_id: rows[row_id].training for row_id in ids})
        for row_id in ids if telling else ():
            parts = [f"{name}={settings[row_id].get(name, 'unset')}" for name in telling]
            more = [f"{len(parts) - SHOWN} more"] if len(parts) > SHOWN else []
            noted[row_id] = dataclasses.replace(
                rows[row_id], note=", ".join([*parts[:SHOWN], *more])
            )
    return noted


def with_distinct_trainings(
    rows: Mapping[str, Row], results: Mapping[str, Sequence[Result]]
) -> dict[str, Row]:
    """Rows whose words for the training of their embedding differ where the trainings do."""
    alike: dict[tuple[str, ...], list[str]] = collections.defaultdict(list)
    for row in rows.values():
        if row.training:
            alike[row.benchmark, row.backbone, row.trained_on].append(row.id)
    named = dict(rows)
    for ids in alike.values():
        words = distinct_pretrainings([results[row_id][0].document for row_id in ids])
        for row_id, training in zip(ids, words, strict=True):
            named[row_id] = dataclasses.replace(rows[row_id], training=training)
    return named


def _telling(settings: Mapping[str, Mapping[str, str]], training: Mapping[str, str]) -> list[str]:
    """Names of settings that differ.

    Where embeddings were trained differently, the words for that stand for all settings of the
    training, besides those that differ among rows of the same words.
    """
    names = sorted({name for table in settings.values() for name in table})
    apart = [n for n in names if _differ(settings, n, settings)]
    if TRAINING not in apart:
        return apart
    same = [[i for i in settings if training[i] == words] for words in set(training.values())]
    told = [n for n in apart if n != TRAINING]
    kept = [n for n in told if not n.startswith(CLASSIFY)]
    kept += [n for n in told if n not in kept and any(_differ(settings, n, ids) for ids in same)]
    return [TRAINING, *sorted(kept)]


def _differ(settings: Mapping[str, Mapping[str, str]], name: str, ids: Iterable[str]) -> bool:
    return len({settings[row_id].get(name, "") for row_id in ids}) > 1


def _settings(result: Result) -> dict[str, str]:
    """Settings by dotted name, and what else a configuration's identity depends on."""
    table = dict(_flat(seedless(result.document), ""))
    dataset, protocol = result.document.dataset, result.document.protocol
    table["episodes"] = f"{protocol.id} {protocol.sampler.drawing} {protocol.sampler.seed}"
    if words := pretraining_words(result.document):
        table[TRAINING] = words
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
