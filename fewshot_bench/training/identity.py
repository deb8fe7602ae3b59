"""What decides the outcome of a training, and which models may be measured on which classes."""

import logging
from collections.abc import Mapping
from typing import Any

from fewshot_bench.config import loss_hashes
from fewshot_bench.data.store import Manifest
from fewshot_bench.errors import CheckpointError
from fewshot_bench.registry import HEADS, LOSSES, OPTIMIZERS

# Of the code that all trainings share: layers, inner loops, episodes, the outer loop. Raised when
# it changes so that numbers change; ``tests/test_code_versions.py`` says when to think of it.
CODE_VERSION = 1
PARTS = (LOSSES, HEADS, OPTIMIZERS)  # kinds that options name
_log = logging.getLogger(__name__)


def data_identity(manifest: Manifest) -> list[Any]:
    """The images and which class is in which split, wherever the data lie and however they came."""
    return [manifest.fingerprint, manifest.rotations, manifest.split_sha256]


def parts_identity(settings: Mapping[str, Any]) -> list[str]:
    """The parts that settings name: contents of loss files, code or version of what is registered.

    A name that is registered for several kinds of parts counts for all of them.
    """
    names = [value for value in settings.values() if isinstance(value, str)]
    files = loss_hashes(*(name for name in names if name.endswith(".json")))
    return files + [kind.entry(name).code() for name in names for kind in PARTS if name in kind]


def check_unseen(info: Mapping[str, Any], manifest: Manifest, split: str, what: str) -> None:
    """Refuse to measure a model on a class that it was trained on.

    Classes are compared by name, so this holds across benchmarks, too. The training classes
    themselves may be asked for (``evaluate.split=train``), which is said.

    Args:
        info: what the model file says of itself.
        manifest: of the data it is measured on.
        split: which classes are measured.
        what: names the model.

    Raises:
        CheckpointError: names the first such class.
    """
    trained = set(info.get("train_classes", ()))
    seen = [name for name in manifest.classes.get(split, {}) if name in trained]
    if not seen:
        return
    if split == "train":
        _log.warning("fsbench: note: the model was trained on these classes (evaluate.split=train)")
        return
    more = f" and {len(seen) - 1} more" if len(seen) > 1 else ""
    raise CheckpointError(
        f"{what} was trained on class {seen[0]!r}{more}, now a {split} class of"
        f" {manifest.benchmark}; measure it on classes that it has not seen, or train it anew"
    )
