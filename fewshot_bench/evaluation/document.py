"""The document of a result, ``result.json``: these models write it, read it, and are its schema.

Version 3 adds to version 2 the assignment of classes to splits, stages of training, parameters of
the sampler, names of models that are not of this suite, and what a model knew besides; it leaves
out how the interval is shown. Version 2 adds to version 1 the tool's commit, the group of training
seeds, the learning curve and hashes of class names. All of them are read into the same models:
what a version lacks has a default, and keys that are not known here are kept.

Identities are hashes of the JSON text, so a document that was read is written with the same keys
and values: :meth:`Part.table` leaves out what was never set.
"""

import itertools
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from fewshot_bench.errors import ResultError
from fewshot_bench.evaluation.model_parts import (
    Checkpoint,
    Config,
    Digest,
    Method,
    Name,
    Number,
    Part,
    Selection,
    Setting,
    Stage,
    Timing,
    Tool,
    Training,
    Tuning,
)
from fewshot_bench.evaluation.protocol import Protocol, Sampler, StopRule, task_words

__all__ = [
    "SCHEMA",
    "Checkpoint",
    "Config",
    "Dataset",
    "Document",
    "Facts",
    "Method",
    "Protocol",
    "Sampler",
    "Selection",
    "Setting",
    "Stage",
    "StopRule",
    "Summary",
    "SummaryInterval",
    "Timing",
    "Tool",
    "Training",
    "Tuning",
    "parse_document",
    "task_words",
]

SCHEMA = 3
MOST_CLASSES = 1_000_000  # a file that claims more is not expanded


class Dataset(Part):
    """The images that episodes were drawn from.

    Attributes:
        id: benchmark.
        split: of which classes.
        fingerprint: of all images of the benchmark, whatever split they are in.
        raw_sha256: of the source files' own bytes.
        split_sha256: of the assignment of all classes to splits; "" before version 3.
        class_list_sha256: of the names of this split's classes.
        class_hashes: see :func:`fewshot_bench.evaluation.classes.class_hashes`.
        class_names: None where there are many.
        pool_sizes: images of each class. Files hold runs of them: ``[[20, 1692]]``.
        preprocessing: of the images.
    """

    id: Name
    split: Name
    fingerprint: Name
    raw_sha256: str = ""
    split_sha256: str = ""
    class_list_sha256: str = ""
    class_hashes: str = ""
    class_names: list[str] | None = None
    pool_sizes: list[Annotated[int, Field(ge=1)]] = Field(min_length=2)
    preprocessing: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, table: Any) -> Any:
        if not isinstance(table, dict) or "pool_runs" not in table:
            return table
        rest = {key: value for key, value in table.items() if key != "pool_runs"}
        return {**rest, "pool_sizes": _expanded(table["pool_runs"])}

    @property
    def pool_runs(self) -> list[list[int]]:
        """Class sizes in the form of files."""
        return [[size, len(list(same))] for size, same in itertools.groupby(self.pool_sizes)]


def _expanded(runs: Any) -> list[int]:
    try:
        pairs = [(size, count) for size, count in runs]
        total = sum(count for _, count in pairs)
    except (TypeError, ValueError) as error:
        raise ValueError("pool_runs must be pairs of a class size and its number") from error
    if total > MOST_CLASSES:
        raise ValueError("too many classes")
    return [size for size, count in pairs for _ in range(count)]


class SummaryInterval(Part):
    """Limits for people who read the file; None where one episode gives none."""

    kind: str = "closed"
    level: float = Field(gt=0, lt=1)
    low: Number | None
    high: Number | None
    flags: list[str] = Field(default_factory=list)


class Summary(Part):
    """Accuracy in [0, 1] with its closed interval; programs compute it again."""

    accuracy: float = Field(ge=0, le=1, allow_inf_nan=False)
    T: int
    interval: SummaryInterval


Learned = Literal["own", "cross-domain", "external"]


class Facts(Part):
    """Everything that is known of an evaluation besides its episodes."""

    tool: Tool = Tool()
    method: Method
    checkpoint: Checkpoint
    dataset: Dataset
    protocol: Protocol
    training: Training = Training()
    env: dict[str, Any] = Field(default_factory=dict)
    failures: list[int]
    timing: Timing
    summary: Summary

    @field_validator("training", mode="before")
    @classmethod
    def _no_curve(cls, value: object) -> object:
        return {} if value is None else value


class Document(Facts):
    """The whole of ``result.json``."""

    schema_version: int = Field(ge=1, le=SCHEMA)
    result_id: Digest
    episodes_sha256: Digest
    created_utc: str

    @model_validator(mode="after")
    def _complete(self) -> "Document":
        if self.schema_version < SCHEMA:
            if self.checkpoint.selection is None or self.method.config.train is None:
                raise ValueError("documents of version 1 and 2 say how the model was trained")
        elif not self.dataset.split_sha256:
            raise ValueError("dataset.split_sha256 is missing")
        elif self.checkpoint.stages and self.method.config.train is None:
            raise ValueError("method.config.train is missing, though there were stages of training")
        return self

    @property
    def learned(self) -> Learned:
        """What the model has learned from; only results that are alike in it are ranked together.

        ``own``: training classes of the benchmark that it is measured on, or nothing.
        ``cross-domain``: those of another benchmark. ``external``: other data.
        """
        checkpoint = self.checkpoint
        if checkpoint.external_data:
            return "external"
        trained = bool(checkpoint.training_class_hashes or checkpoint.stages)
        other = checkpoint.training_benchmark not in ("", self.dataset.id)
        return "cross-domain" if trained and other else "own"

    @property
    def learned_words(self) -> str:
        """The same for people, with names; "" for ``own``."""
        checkpoint = self.checkpoint
        words = {
            "own": "",
            "cross-domain": f"trained on {checkpoint.training_benchmark}",
            "external": f"external data: {checkpoint.trained_on or 'not told'}",
        }
        return words[self.learned]

    @property
    def pre_trained(self) -> bool:
        """Whether the backbone was trained on labels of the training classes before."""
        if self.schema_version >= 3:
            return any(stage.name == "classify" for stage in self.checkpoint.stages)
        pretrain = self.method.config.table().get("pretrain")
        return isinstance(pretrain, dict) and bool(pretrain.get("steps"))


def parse_document(table: Mapping[str, Any]) -> Document:
    """Check a JSON document; raises ResultError that names the first thing that is wrong."""
    try:
        return Document.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ResultError(f"{where}: {first['msg']}" if where else first["msg"]) from error
