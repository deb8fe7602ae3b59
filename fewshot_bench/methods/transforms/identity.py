"""Features as they are ("UN" of SimpleShot, Wang et al. 2019, arXiv 1911.04623)."""

from dataclasses import dataclass

from torch import Tensor

from fewshot_bench.methods.parts import Transform
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Identity(Transform):
    """Changes nothing."""

    def __call__(self, params: Params, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """The same tensors."""
        return support, query
