"""Classes drawn at random for training, validation and test, for data without an official split."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from fewshot_bench.errors import ConfigError

SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
FEWEST = 2  # an episode needs two classes


@dataclass(frozen=True)
class RandomSplit:
    """A rule that gives each class of a data set to a split; see :func:`random_split`.

    Attributes:
        train: fraction of the classes, in [0, 1].
        val: fraction of the classes, in [0, 1].
        test: fraction of the classes, in [0, 1].
        seed: which of the random orders of the classes.
    """

    train: float
    val: float
    test: float
    seed: int = 0

    def __call__(self, names: Iterable[str]) -> dict[str, SplitName]:
        """Class name -> split, for every name, sorted by name."""
        order = sorted(set(names), key=self._place)
        train, val, _ = self.counts(len(order))
        splits: list[SplitName] = ["train"] * train + ["val"] * val  # type: ignore[assignment]
        splits += ["test"] * (len(order) - len(splits))
        return dict(sorted(zip(order, splits, strict=True)))

    def counts(self, n: int) -> tuple[int, int, int]:
        """How many of ``n`` classes each split gets.

        Fractions are rounded to the nearest number. A split of a single class is of no use for
        episodes: test gets two classes before any other split has one, then training does, and a
        validation class that would stand alone is given to training.
        """
        test = min(n, max(FEWEST, _rounded(n * self.test))) if self.test else 0
        val = min(n - test, _rounded(n * self.val))
        train = n - test - val
        if val < FEWEST or train < FEWEST:
            train, val = train + val, 0
        if train < FEWEST and self.test:
            train, test = 0, n
        return train, val, test

    def _fraction(self, split: SplitName) -> float:
        return {"train": self.train, "val": self.val, "test": self.test}[split]

    def _place(self, name: str) -> tuple[bytes, str]:
        return hashlib.sha256(f"{self.seed}\n{name}".encode()).digest(), name

    def record(self) -> dict[str, Any]:
        """What stands in manifests."""
        return {"kind": "random", **asdict(self)}

    def __str__(self) -> str:
        if (alone := max(SPLITS, key=self._fraction)) and self._fraction(alone) == 1:
            return f"all classes are for {alone}"
        parts = "/".join(f"{100 * part:g}" for part in (self.train, self.val, self.test))
        return f"{parts} % of the classes at random, seed {self.seed}"


def random_split(train: float, val: float, test: float, seed: int = 0) -> RandomSplit:
    """A random split of classes: a pure function of class names, fractions and seed.

    Classes are ordered by the SHA-256 of seed and name, so the order of a class does not depend on
    the machine, on Python or on which other classes there are; the first are for training, the
    next for validation, the rest for test.

    Args:
        train: fraction of the classes, in [0, 1].
        val: fraction of the classes, in [0, 1]; 0 for none.
        test: fraction of the classes, in [0, 1].
        seed: which of the random orders.

    Raises:
        ConfigError: a fraction is outside [0, 1], or they do not sum to 1.

    >>> random_split(0.5, 0.0, 0.5)(["ant", "bee", "cat", "dog"])
    {'ant': 'train', 'bee': 'train', 'cat': 'test', 'dog': 'test'}
    """
    parts = (train, val, test)
    if not all(0 <= part <= 1 for part in parts) or not math.isclose(sum(parts), 1, abs_tol=1e-6):
        raise ConfigError(
            f"the fractions of classes {train:g}, {val:g} and {test:g} must be in [0, 1] and sum"
            " to 1"
        )
    return RandomSplit(train, val, test, seed)


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)


DEFAULT_SPLIT = RandomSplit(0.6, 0.2, 0.2)
