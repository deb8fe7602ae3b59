"""Learned scales of a gradient's singular values: GAP.

Kang, Hwang, Eo, Kim, Rhee: Meta-Learning with a Geometry-Adaptive Preconditioner, 2023,
arXiv 2304.01552.

A departure: where a gradient has more rows than columns (a first convolution, mostly) the released
code holds its left singular vectors constant, which cuts off every change of the gradient that
leaves the space of its columns. Here its right ones are held constant, so that scales of one are
MAML for every shape. The steps are the same, only the meta-gradient differs; ``as_released=True``
brings the released one back.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.inner.optimizers.transform import Transformed
from fewshot_bench.inner.protocols import GradientTransform
from fewshot_bench.nn.params import Params

BETA = 2.0  # of the softplus, as released
GAP_OF_SQUARES = 1e-9  # below it, relative to the largest, two singular values count as equal


@dataclass(frozen=True)
class SingularScales(GradientTransform):
    """G = U S V^T becomes U diag(m) S V^T for each convolution's gradient G, unfolded to a matrix.

    Rows are output channels, m > 0 is the softplus of a learned vector, largest singular value
    first, and starts at 1. Gradients that are no convolution's pass through, as released.

    Attributes:
        convolutions: names of the convolutions' weights.
        approximate: ApproxGAP, without the decomposition: m scales rows of G (columns where there
            are fewer of them).
        exact: also differentiate how U turns with G. That derivative grows without bound where two
            singular values meet, so the released code and the default hold U constant (V where
            G has more rows than columns); while all of m are equal it is zero anyway.
        as_released: hold U constant for every shape.
    """

    convolutions: frozenset[str]
    approximate: bool = False
    exact: bool = False
    as_released: bool = False

    def init(self, adapted: Params, generator: torch.Generator) -> Params:  # noqa: ARG002
        """``optimizer.gap.<name>`` of shape (min(out, in * k * k),), where softplus gives 1."""
        one = math.log(math.expm1(BETA)) / BETA
        return {
            f"optimizer.gap.{name}": torch.full((min(value.flatten(1).shape),), one)
            for name, value in adapted.items()
            if name in self.convolutions
        }

    def prepare(self, omega: Params, adapted: Params, generator: torch.Generator | None) -> Params:  # noqa: ARG002
        """The positive scales m."""
        keys = {name: f"optimizer.gap.{name}" for name in adapted}
        return {
            name: F.softplus(omega[key], beta=BETA) for name, key in keys.items() if key in omega
        }

    def __call__(self, omega: Params, grads: Params, prepared: Params) -> Params:  # noqa: ARG002
        """Rescale the gradients of convolutions."""
        return {
            name: self._rescale(grad, prepared[name]) if name in prepared else grad
            for name, grad in grads.items()
        }

    def _rescale(self, grad: Tensor, scales: Tensor) -> Tensor:
        scaled: Tensor
        matrix = grad.flatten(1)
        tall = matrix.shape[0] > matrix.shape[1]
        turned = tall and (self.approximate or not self.as_released)
        wide = matrix.T if turned else matrix
        if self.approximate:
            scaled = scales.unsqueeze(1) * wide
        elif self.exact:
            scaled = ScaleSingularValues.apply(wide, scales)
        else:
            u = torch.linalg.svd(wide.detach(), full_matrices=False).U
            scaled = u @ (scales.unsqueeze(1) * (u.T @ wide))
        return (scaled.T if turned else scaled).reshape(grad.shape)


class ScaleSingularValues(torch.autograd.Function):
    """(r, c) matrix G = U S V^T with r <= c and (r,) scales m to U diag(m) S V^T.

    The result is P G with P = U diag(m) U^T. For a change of A = G G^T, whose eigenvalues are the
    squares s^2, the change of P in the basis U is that of A times (m_i - m_j) / (s_i^2 - s_j^2)
    (Daleckii and Krein). Pairs that can't be told apart count as one space, which does not turn.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, scales: Tensor) -> Tensor:
        """Scale."""
        u, s, vt = torch.linalg.svd(matrix, full_matrices=False)
        ctx.save_for_backward(u, s, vt, scales)
        scaled: Tensor = (u * (scales * s)) @ vt
        return scaled

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the matrix and of the scales."""
        u, s, vt, scales = ctx.saved_tensors
        core = u.T @ grad @ vt.T
        turn = core * s
        square = s * s
        gaps = square.unsqueeze(1) - square
        apart = gaps.abs() > GAP_OF_SQUARES * square[0]
        slopes = (scales.unsqueeze(1) - scales) / torch.where(apart, gaps, torch.ones_like(gaps))
        inner = torch.where(apart, slopes, torch.zeros_like(gaps)) * (turn + turn.T)
        direct = u @ (scales.unsqueeze(1) * (u.T @ grad))
        return direct + (u @ (inner * s)) @ vt, torch.diagonal(turn)


def singular_scales(
    convolutions: frozenset[str],
    lr: float = 0.01,
    approximate: bool = False,
    exact: bool = False,
    as_released: bool = False,
) -> Transformed:
    """Rescaled gradients in front of steps with one rate.

    Raises:
        ConfigError: exact, and as released, which is not.
    """
    if exact and as_released:
        raise ConfigError("GAP's released code is not exact; set one of exact and as_released")
    return Transformed(SingularScales(convolutions, approximate, exact, as_released), SGD(lr))
