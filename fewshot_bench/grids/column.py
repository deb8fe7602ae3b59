"""One set of trained weights, on which a grid measures its methods."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from fewshot_bench.data.pool import ROTATED
from fewshot_bench.evaluation.document import Method
from fewshot_bench.evaluation.features import FeatureBank
from fewshot_bench.evaluation.result import Result
from fewshot_bench.grids.request import Request
from fewshot_bench.training.fit import Observer


class Column(ABC):
    """What is measured together: its features are computed once.

    Args:
        name: of the embedding, which several seeds share.
        seed: of its training; 0 where nothing is known of it.
        request: what is measured on it.
    """

    def __init__(self, name: str, seed: int, request: Request) -> None:
        self.name, self.seed, self.request = name, seed, request
        self._banks: dict[Any, FeatureBank] = {}

    @abstractmethod
    def prepare(self, observer: Observer) -> None:
        """Train what is not trained yet."""

    @abstractmethod
    def expected(self, method: str, n_shot: int) -> "Expected":
        """What the document of a cell says, as far as it is known before it is measured."""

    @abstractmethod
    def measure(self, method: str, n_shot: int) -> Result:
        """One cell."""

    def release(self) -> None:
        """Forget the features."""
        self._banks.clear()


class Expected:
    """What tells whether a stored result is that of a cell.

    Args:
        method: the method's part of the document.
        fingerprint: of the images, without turned copies.
        weights: SHA-256 of the weights; None where the settings decide them.
    """

    def __init__(self, method: Method, fingerprint: str, weights: str | None = None) -> None:
        self._method, self._fingerprint, self._weights = method, fingerprint, weights

    def __call__(self, table: Mapping[str, Any]) -> bool:
        """Whether a document, unchecked, is of this cell."""
        method, dataset, checkpoint = (
            part if isinstance(part := table.get(key), dict) else {}
            for key in ("method", "dataset", "checkpoint")
        )
        told = self._method.table()
        same = all(method.get(key) == told.get(key) for key in ("id", "config_sha256"))
        same = same and method.get("code_sha256") == told.get("code_sha256")
        images = str(dataset.get("fingerprint", "")).removesuffix(ROTATED)
        same = same and images == self._fingerprint
        return same and self._weights in (None, checkpoint.get("sha256"))
