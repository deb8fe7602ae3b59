"""What decides the outcome of a training, and which models may be measured on which classes."""

import logging
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fewshot_bench.config import RunConfig, names_in
from fewshot_bench.data.store import Manifest
from fewshot_bench.errors import CheckpointError
from fewshot_bench.files import sha256
from fewshot_bench.inner.losses.library import is_file
from fewshot_bench.methods.build import option_types
from fewshot_bench.registry import (
    CLASSIFIERS,
    HEADS,
    LOSSES,
    OBJECTIVES,
    OPTIMIZERS,
    REFINERS,
    TRANSFORMS,
)

# Of the code that all trainings share: layers, inner loops, episodes, the outer loop. Raised when
# it changes so that numbers change; ``tests/test_code_versions.py`` says when to think of it.
CODE_VERSION = 1
# What settings name.
PARTS = (LOSSES, HEADS, OPTIMIZERS, TRANSFORMS, CLASSIFIERS, REFINERS, OBJECTIVES)
_log = logging.getLogger(__name__)


def data_identity(manifest: Manifest) -> list[Any]:
    """The images and which class is in which split, wherever the data lie and however they came."""
    return [manifest.fingerprint, manifest.rotations, manifest.split_sha256]


def parts_identity(settings: Mapping[str, Any], types: Mapping[str, Any]) -> list[str]:
    """The parts that settings name: contents of loss files, code or version of what is registered.

    Args:
        settings: values by name.
        types: annotations of the settings, which say what is a name, see
            :mod:`fewshot_bench.config.names`.
    """
    named = list(names_in(settings, types))
    codes = [kind.entry(name).code() for kind, name in named if not is_file(name)]
    return _file_hashes(name for _, name in named) + codes


def setting_types(settings: object) -> dict[str, Any]:
    """Annotations of the settings of a stage by their names."""
    return typing.get_type_hints(type(settings), include_extras=True)


def loss_hashes(config: RunConfig) -> list[str]:
    """SHA-256 of each loss of a run that may change under its name: files, then plug-ins.

    Args:
        config: resolved, all options of the method included.
    """
    tables = [(config.options, option_types(config.method))]
    stages = [stage for stage in config.stages.values() if stage.steps]
    tables += [(vars(stage), setting_types(stage)) for stage in stages]
    losses = [name for table in tables for kind, name in names_in(*table) if kind is LOSSES]
    codes = (LOSSES.entry(name).code_sha256() for name in losses if not is_file(name))
    return _file_hashes(losses) + [code for code in codes if code]


def _file_hashes(names: Iterable[str]) -> list[str]:
    """SHA-256 of the loss files among what is named; one that is missing shows when it is read."""
    files = [Path(name) for name in names if is_file(name)]
    return [sha256(file.read_bytes()) for file in files if file.is_file()]


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
