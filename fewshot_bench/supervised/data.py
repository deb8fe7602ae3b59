"""What supervised training sees: three parts of a data set that share no example."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.random import Philox
from torch import Tensor

from fewshot_bench.inner.losses.per_output import Task

PartName = Literal["train", "val", "test"]
SHARES: Mapping[PartName, float] = {"train": 0.6, "val": 0.2, "test": 0.2}
Transform = Callable[[Tensor], Tensor]


def identity(x: Tensor) -> Tensor:
    """Leave inputs as they are."""
    return x


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs with their targets.

    Attributes:
        inputs: float32 (n, F) or (n, C, H, W), or uint8 images, which ``transform`` makes float32.
        targets: int64 (n,) class numbers, or float32 (n, outputs).
        transform: applied to each batch of inputs.
    """

    inputs: Tensor
    targets: Tensor
    transform: Transform = identity

    def __len__(self) -> int:
        return len(self.targets)

    def batch(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs, float32, and targets of the examples with these int64 ids (B,)."""
        return self.transform(self.inputs[ids]), self.targets[ids]


@dataclass(frozen=True, eq=False)
class SupervisedData:
    """A data set, split once and for all.

    Attributes:
        name: what the user calls it.
        task: ``classification`` is scored by error rate, ``regression`` by squared error.
        n_outputs: classes, or targets of a regression.
        train: what the network learns from; all statistics of scaling are from here.
        val: what losses are learned and chosen on.
        test: for the final number only.
        fingerprint: changes with the data.
    """

    name: str
    task: Task
    n_outputs: int
    train: Examples
    val: Examples
    test: Examples
    fingerprint: str = ""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(F,) or (C, H, W)."""
        return tuple(self.train.inputs.shape[1:])


def split_parts(
    n: int, strata: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None
) -> dict[PartName, Tensor]:
    """Ids 0, ..., n - 1 in three parts that share none, the same in every call.

    Args:
        n: number of examples.
        strata: int64 (n,), classes; each is split in the same shares. None for a regression.

    Returns:
        int64 ids of each part, ascending.
    """
    strata = np.zeros(n, dtype=np.int64) if strata is None else strata
    keys = Philox(key=n).random_raw(n)
    parts: dict[PartName, list[np.ndarray[tuple[int], np.dtype[np.int64]]]] = {
        name: [] for name in SHARES
    }
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        members = members[np.argsort(keys[members], kind="stable")]
        ends = np.rint(np.cumsum(list(SHARES.values())) * len(members)).astype(int)
        for name, ids in zip(parts, np.split(members, ends[:-1]), strict=True):
            parts[name].append(ids)
    return {
        name: torch.from_numpy(np.sort(np.concatenate(chunks))) for name, chunks in parts.items()
    }
