"""The setting of a gradient method as its normalisation makes it; nothing here imports torch."""

from collections.abc import Mapping
from typing import Any


def by_statistics(options: Mapping[str, Any]) -> str:
    """Batch statistics over the queries are what lets one query see the others."""
    alone = options.get("bn", "batch") in ("support", "running", "per_step")
    return "inductive" if alone else "transductive_bn"
