"""Powers of features, which make skewed distributions more even.

Hu, Gripon, Pateux: Leveraging the Feature Distribution in Transfer-based Few-Shot Learning, 2020,
arXiv 2006.03806 (non-negative features); with signs: iLPC, Lazarou et al. 2020, arXiv 2012.07962.
"""

from dataclasses import dataclass

from torch import Tensor

from fewshot_bench.methods.options import Rate
from fewshot_bench.methods.parts import Transform
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Power(Transform):
    """``(x + eps)^beta``, number by number.

    Attributes:
        beta: the exponent.
        eps: keeps the derivative at 0 finite.
        signed: take the power of the absolute value and keep the sign. Without, negative features
            count as 0.
    """

    beta: Rate = 0.5
    eps: Rate = 1e-6
    signed: bool = False

    def __call__(self, params: Params, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Features of the same shapes."""
        return self._power(support), self._power(query)

    def _power(self, x: Tensor) -> Tensor:
        if self.signed:
            return x.sign() * (x.abs() + self.eps) ** self.beta
        return (x.clamp(min=0) + self.eps) ** self.beta
