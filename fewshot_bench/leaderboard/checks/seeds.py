"""Checks of the results of one row: its training seeds belong together, and none is left out."""

import collections
from collections.abc import Iterator, Sequence
from typing import Any

from fewshot_bench.evaluation.document import Document
from fewshot_bench.evaluation.result import Result


def missing(results: Sequence[Result]) -> Iterator[str]:
    """Seeds that were measured together with others and are not there: seeds may not be picked."""
    there = collections.Counter(r.document.checkpoint.training_seed for r in results)
    declared = {s for r in results for s in r.document.checkpoint.seed_group}
    if absent := sorted(declared - there.keys()):
        seeds = ", ".join(map(str, absent))
        yield f"training seed {seeds} was measured but is not there"


def alike(results: Sequence[Result]) -> Iterator[str]:
    """Seeds of one configuration have all that follows from it in common."""
    told = [_facts(result.document) for result in results]
    for name in told[0] if told else ():
        values = [table[name] for table in told]
        if any(value != values[0] for value in values):
            said = " and ".join(sorted({str(value) for value in values}))
            yield f"its training seeds differ in {name}: {said}"


def _facts(document: Document) -> dict[str, Any]:
    method, checkpoint = document.method, document.checkpoint
    return {
        "setting": method.setting,
        "adaptation": method.adaptation,
        "told_counts": method.told_counts,
        "schema_version": document.schema_version,
        "n_params": checkpoint.n_params,
        "weights": checkpoint.weights,
        "training_benchmark": checkpoint.training_benchmark,
        "training_fingerprint": checkpoint.training_fingerprint,
        "training_class_hashes": checkpoint.training_class_hashes,
        "external_data": checkpoint.external_data,
        "trained_on": checkpoint.trained_on,
        "stages": [stage.name for stage in checkpoint.stages],
    }
