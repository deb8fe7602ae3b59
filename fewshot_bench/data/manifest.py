"""The manifest of a store: what is known of its images, sealed by a hash of itself."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fewshot_bench.data.benchmark import SPLITS
from fewshot_bench.errors import DataError
from fewshot_bench.files import dump_json, sha256

SCHEMA = 1
LARGEST_SIDE, MOST_IMAGES = 4096, 1 << 32  # a manifest that claims more is none


@dataclass(frozen=True)
class Manifest:
    """What is known of a store.

    Attributes:
        benchmark: registered name, or ``folder:<name>``.
        image_size: side in pixels.
        channels: 1 or 3.
        mean: per channel, of images in [0, 1].
        std: per channel, of images in [0, 1].
        rotations: see :class:`fewshot_bench.data.benchmark.Benchmark`.
        layout: the layout it was read from.
        preprocessing: how pixels were decided, see :func:`fewshot_bench.data.images.preprocessing`.
        classes: split -> class name -> number of images, both in id order.
        fingerprint: see :func:`fingerprint`.
        raw_sha256: over the source files' own bytes, in the same order: tells decoder drift from
            different data.
        skipped: ``{"class", "key", "reason"}`` of damaged images left out on request.
        missing: names of official classes that the source did not have.
        notices: what a user should hear of, see :class:`fewshot_bench.data.notices.Notice`.
        split: the rule that drew the split at random, or None where the source or a list tells it.
        options: how the user wanted it prepared, see :class:`fewshot_bench.data.prepare.Options`.
        blocks_sha256: of ``images.blocks``; "" where an earlier version prepared it.
    """

    benchmark: str
    image_size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    rotations: bool
    layout: str
    preprocessing: dict[str, Any]
    classes: dict[str, dict[str, int]]
    fingerprint: str
    raw_sha256: str
    skipped: list[dict[str, str]]
    missing: list[str]
    notices: list[dict[str, Any]] = field(default_factory=list)
    split: dict[str, Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    blocks_sha256: str = ""
    schema: int = SCHEMA

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the whole array: (n, C, H, W)."""
        n = sum(sum(sizes.values()) for sizes in self.classes.values())
        return (n, self.channels, self.image_size, self.image_size)

    @property
    def split_sha256(self) -> str:
        """Which class is in which split, see :func:`split_sha256`.

        The fingerprint is over the images alone: it stays where a class changes its split.
        """
        return split_sha256(self.classes)

    def as_json(self) -> dict[str, Any]:
        """The form written to ``store.json``, with a hash of all the rest as its ``seal``."""
        table = dataclasses.asdict(self)
        return {**table, "seal": _seal(table)}

    @classmethod
    def from_json(cls, value: dict[str, Any], where: Path) -> "Manifest":
        """Read it back.

        Raises:
            DataError: a newer schema, missing or odd fields, or edited after it was written.
        """
        try:
            if value.get("schema", 0) > SCHEMA:
                raise DataError(
                    f"{where} was written by a newer fewshot_bench; update it or prepare again"
                )
            rest = {key: inner for key, inner in value.items() if key != "seal"}
            tuples = {key: tuple(value[key]) for key in ("mean", "std")}
            manifest = cls(**{**rest, **tuples})
            check_manifest(manifest)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{where} is not a store manifest; prepare the data again") from error
        if value.get("seal", "") not in ("", _seal(rest)):  # of an earlier version: ""
            raise DataError(f"{where} was edited after it was written; prepare the data again")
        return manifest


def _seal(table: Mapping[str, Any]) -> str:
    return sha256(dump_json(dict(table)))


def check_manifest(manifest: Manifest) -> None:
    """Raise ValueError for values of a type or size that no manifest has."""
    texts = (manifest.benchmark, manifest.layout, manifest.fingerprint, manifest.raw_sha256)
    whole = (manifest.image_size, manifest.channels, manifest.schema)
    sizes = [n for names in manifest.classes.values() for n in names.values()]
    told = {
        "texts": all(isinstance(text, str) for text in (*texts, manifest.blocks_sha256)),
        "sizes": all(type(n) is int and n > 0 for n in (*whole, *sizes)),
        "image_size": manifest.image_size <= LARGEST_SIDE and manifest.channels in (1, 3),
        "images": sum(sizes) < MOST_IMAGES,
        "mean": all(_number(value) for value in (*manifest.mean, *manifest.std)),
        "std": len(manifest.mean) == len(manifest.std) == manifest.channels,
        "scale": all(value > 0 for value in manifest.std),
        "classes": set(manifest.classes) <= set(SPLITS),
        "rotations": isinstance(manifest.rotations, bool),
        "tables": isinstance(manifest.preprocessing, dict) and isinstance(manifest.options, dict),
        "lists": isinstance(manifest.skipped, list) and isinstance(manifest.notices, list),
        "missing": all(isinstance(name, str) for name in manifest.missing),
    }
    if odd := [name for name, right in told.items() if not right]:
        raise ValueError(f"odd {odd[0]}")


def _number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def split_sha256(classes: Mapping[str, Iterable[str]]) -> str:
    """Identity of the assignment of all classes to splits.

    Args:
        classes: split -> names of its classes, in any order.

    Returns:
        SHA-256 over the sorted lines ``split <tab> class``.
    """
    lines = sorted(f"{split}\t{name}\n" for split, names in classes.items() for name in names)
    return sha256(*(line.encode() for line in lines))
