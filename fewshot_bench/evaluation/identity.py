"""What makes two results one and the same, or seeds of one row: hashes and texts of documents."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fewshot_bench.evaluation.document import Document
from fewshot_bench.files import dump_json, sha256

VOLATILE = ("result_id", "created_utc", "timing", "summary")


def result_id(table: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical document without what changes from run to run."""
    stable = {key: value for key, value in table.items() if key not in VOLATILE}
    return sha256(dump_json(stable))


def measurement_id(table: Mapping[str, Any]) -> str:
    """The same whatever version of the tool and whatever machine found it.

    Args:
        table: a document, complete or in the compact form of files.
    """
    told = (*VOLATILE, "tool", "env", "dataset", "training")
    stable = {key: value for key, value in table.items() if key not in told}
    return sha256(dump_json(stable))


def config_sha256(config: Mapping[str, Any]) -> str:
    """Identity of a resolved configuration."""
    return sha256(json.dumps(config, sort_keys=True).encode())


def shown_apart(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without the settings that say how an interval is shown.

    Intervals are computed from stored predictions at any time, so results that differ in these
    settings only are one result.
    """
    evaluate = config.get("evaluate")
    if not isinstance(evaluate, Mapping):
        return dict(config)
    kept = {key: value for key, value in evaluate.items() if key not in ("interval", "level")}
    return {**config, "evaluate": kept}


def configuration(document: Document) -> str:
    """What the training seeds of one row have in common: method, data, protocol, all settings.

    Left out are the training seed, and the number of episodes and how they are reported.
    """
    return json.dumps(list(_identity(document).values()), sort_keys=True)


def differing(documents: Sequence[Document]) -> list[dict[str, str]]:
    """Of each configuration the settings, as JSON by dotted name, that not all have in common."""
    tables = [flat(_identity(document)) for document in documents]
    names = sorted(set().union(*tables))
    apart = [name for name in names if len({t.get(name, "unset") for t in tables}) > 1]
    return [{name: table.get(name, "unset") for name in apart} for table in tables]


def seedless(document: Document) -> dict[str, Any]:
    """The settings of a row: those of one seed without the seed, and without meta-testing."""
    config = document.method.config.table()
    config.pop("evaluate", None)
    if document.method.config.train is not None:
        config["train"] = {key: value for key, value in config["train"].items() if key != "seed"}
    return config


def _identity(document: Document) -> dict[str, Any]:
    """The parts of a document that :func:`configuration` is made of."""
    method, protocol, dataset = document.method, document.protocol, document.dataset
    names = ("id", "way", "shot", "query")
    shape = {name: getattr(protocol, name) for name in names}
    later = {
        "code": method.code_sha256,
        "classes": dataset.split_sha256,
        # Nothing but the parameters tells models apart that this suite did not train.
        "weights": document.checkpoint.sha256 if method.config.train is None else None,
    }
    return {
        "method": method.id,
        "config": seedless(document),
        "protocol": {**shape, "sampler": protocol.sampler.identity()},
        "data fingerprint": dataset.fingerprint,
        **{name: value for name, value in later.items() if value},
    }


def flat(value: Any, name: str = "") -> dict[str, str]:
    """Nested tables as ``{"a.b": value as JSON}``."""
    if not isinstance(value, dict):
        return {name: json.dumps(value, sort_keys=True)}
    prefix = f"{name}." if name else ""
    parts = [flat(inner, f"{prefix}{key}") for key, inner in value.items()]
    return {key: text for part in parts for key, text in part.items()}
