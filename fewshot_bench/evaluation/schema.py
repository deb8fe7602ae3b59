"""What a result must hold for other programs to rely on it: types, ranges and shapes.

Documents of any schema version are checked against what all of them have; more keys are welcome.
"""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fewshot_bench.errors import ResultError
from fewshot_bench.evaluation.result import Result

Fraction = Field(ge=0, le=1, allow_inf_nan=False)
Limit = Annotated[float, Field(allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]  # of time or memory
MOST = 1 << 63  # larger counts are no counts
Name = Field(min_length=1, max_length=200)
Digest = Field(pattern=r"^[0-9a-f]{64}$")


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Train(_Part):
    seed: int = Field(ge=0)


class _Config(_Part):
    backbone: str = Name
    options: dict[str, Any] = {}
    train: _Train


class _Method(_Part):
    id: str = Name
    setting: Literal["inductive", "transductive_bn", "transductive"]
    config: _Config
    config_sha256: str = Digest


class _Selection(_Part):
    split: str
    step: int


class _Checkpoint(_Part):
    sha256: str = Digest
    n_params: int = Field(ge=0, lt=MOST)
    training_seed: int = Field(ge=0)
    seed_group: list[int] = []
    training_fingerprint: str = Name
    training_class_hashes: str = ""
    selection: _Selection


class _Dataset(_Part):
    id: str = Name
    split: str = Name
    fingerprint: str = Name
    class_hashes: str = ""
    class_names: list[str] | None = None
    pool_sizes: list[int] = Field(min_length=2)
    preprocessing: dict[str, Any] = {}


class _Sampler(_Part):
    name: str
    version: int
    mode: Literal["replacement", "disjoint"]
    seed: int = Field(ge=0)


class _Protocol(_Part):
    id: str = Name
    way: int = Field(ge=2)
    shot: int = Field(ge=1)
    query: int = Field(ge=1)
    sampler: _Sampler
    T: int = Field(ge=1)
    episode_list_sha256: str = Digest


class _Interval(_Part):
    level: float = Field(gt=0, lt=1)
    low: Limit | None
    high: Limit | None


class _Summary(_Part):
    accuracy: float = Fraction
    T: int
    interval: _Interval


class _Training(BaseModel):
    curve: list[tuple[int, float]] = []


class _Document(_Part):
    model_config = ConfigDict(extra="allow", strict=False)

    schema_version: int
    result_id: str = Digest
    created_utc: str
    tool: dict[str, Any] = {}
    env: dict[str, Any] = {}
    method: _Method
    checkpoint: _Checkpoint
    dataset: _Dataset
    protocol: _Protocol
    summary: _Summary
    training: _Training = _Training()
    failures: list[int]
    timing: dict[str, Amount | None]


def check_shape(result: Result) -> None:
    """Raise ResultError, saying what is wrong, unless the result is complete and plausible."""
    try:
        _Document.model_validate(result.info)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ResultError(f"{where}: {first['msg']}") from error
    protocol = result.info["protocol"]
    t, way, shot, query = (protocol[name] for name in ("T", "way", "shot", "query"))
    shapes: dict[str, tuple[int, ...]] = {
        "pred": (t, way, query),
        "n_correct": (t,),
        "n_query": (t,),
        "nll": (t,),
        "brier": (t,),
        "episode_index": (t,),
        "episode_hash": (t,),
        "class_ids": (t, way),
        "support_ids": (t, way, shot),
        "query_ids": (t, way, query),
    }
    for name, shape in shapes.items():
        _check_column(name, result.columns.get(name), shape)
    if int(result.columns["pred"].max()) >= way:
        raise ResultError(f"pred holds labels beyond {way - 1}")


def _check_column(name: str, values: Any, shape: tuple[int, ...]) -> None:
    wanted = "f" if name in ("nll", "brier") else "iu"
    if values is None or values.shape != shape or values.dtype.kind not in wanted:
        kind = "numbers" if wanted == "f" else "whole numbers"
        raise ResultError(f"column {name} must hold {kind} of shape {shape}")
    if not np.isfinite(values).all() or (values.size and values.min() < 0):
        raise ResultError(f"column {name} has values that are negative or not finite")
