"""Every feature at length 1 ("L2N" of SimpleShot, Wang et al. 2019, arXiv 1911.04623)."""

from dataclasses import dataclass

from torch import Tensor

from fewshot_bench.methods.parts import Transform
from fewshot_bench.nn.algebra import unit
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class UnitLength(Transform):
    """Divides each feature vector by its Euclidean length; zero stays zero."""

    def __call__(self, params: Params, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Unit vectors."""
        return unit(support), unit(query)
