"""Multi-class support vector machine (Crammer, Singer), as a batch of quadratic programs.

Lee, Maji, Ravichandran, Soatto: Meta-Learning with Differentiable Convex Optimization, 2019,
arXiv 1904.03758 (MetaOptNet). Over alpha (S, N): minimise ``tr(alpha^T (K + jitter I) alpha) / 2 -
sum of alpha at labels``, where rows sum to 0, ``alpha <= c`` at the label and ``<= 0`` elsewhere.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from fewshot_bench.methods.classifiers.implicit import (
    Operator,
    conjugate_gradients,
    with_implicit_gradient,
)
from fewshot_bench.methods.classifiers.scale import init_scale, scale_of
from fewshot_bench.methods.options import Count, Rate
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.algebra import add_to_diagonal
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params


@torch.no_grad()
def solve_dual(kernel: Tensor, y: Tensor, c: float, steps: int) -> Tensor:
    """Optimal alpha (..., S, N), by alternating directions and an exact solve at the end.

    Args:
        kernel: (..., S, S) positive semi-definite, jitter included, float64.
        y: (..., S, N) one-hot.
        c: bound of alpha at the label.
        steps: most iterations; they end when no alpha moves by 1e-9 c.
    """
    values = torch.linalg.eigvalsh(kernel)
    low, high = values[..., :1, None], values[..., -1:, None]
    weight = (high * torch.maximum(low, 1e-3 * high)).sqrt().clamp(min=1e-12)
    inverse = torch.linalg.inv(add_to_diagonal(kernel, weight))
    alpha, multiplier = torch.zeros_like(y), torch.zeros_like(y)
    for _ in range(steps):
        equal = inverse @ (weight * (alpha - multiplier) + y)
        equal = equal - equal.mean(dim=-1, keepdim=True)
        relaxed = 1.6 * equal - 0.6 * alpha + multiplier
        before, alpha = alpha, torch.minimum(relaxed, c * y)
        multiplier = relaxed - alpha
        if (alpha - before).abs().max() < 1e-9 * c and (alpha - equal).abs().max() < 1e-9 * c:
            break
    return _polished(kernel, y, c, alpha, multiplier)


def _polished(kernel: Tensor, y: Tensor, c: float, alpha: Tensor, multiplier: Tensor) -> Tensor:
    """The exact optimum on the bounds that hold, where it keeps to all bounds."""
    bound = multiplier > 0
    alpha = torch.where(bound, c * y, alpha)
    free = ~bound
    rows = alpha.sum(dim=-1, keepdim=True) / free.sum(dim=-1, keepdim=True).clamp(min=1)
    alpha = alpha - rows * free
    project = projection(free)
    residual = project(kernel @ alpha - y)
    exact = alpha - conjugate_gradients(
        lambda x: project(kernel @ project(x)), residual, 1e-12, floor=1e-14
    )
    kept = (exact <= c * y + 1e-9 * c).all(dim=-1, keepdim=True).all(dim=-2, keepdim=True)
    return torch.where(kept, exact, alpha)


def projection(free: Tensor) -> Operator:
    """Projection onto changes of alpha that leave bounds as they are and the sums of rows at 0.

    Args:
        free: (..., S, N), true where alpha is not at its bound.
    """
    mask = free.double()
    count = mask.sum(dim=-1, keepdim=True).clamp(min=1)

    def project(x: Tensor) -> Tensor:
        x = x * mask
        return x - mask * (x.sum(dim=-1, keepdim=True) / count)

    return project


@dataclass(frozen=True)
class SVM(Classifier):
    """Scores ``query . sum of alpha_i support_i``, which sum to 0 over classes.

    Differentiable in the features by the implicit function theorem on the bounds that hold.

    Attributes:
        c: bound of the dual variables.
        jitter: added to the diagonal of the inner products. The released code, and so the published
            numbers, have 1, which is another problem than the textbook's (0).
        scale: factor of the scores.
        learned: whether the factor is a parameter, which starts there.
        steps: most iterations of the solver.
    """

    c: Rate = 0.1
    jitter: Annotated[float, Field(ge=0)] = 1.0
    scale: Rate = 1.0
    learned: bool = False
    steps: Count = 2000

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """The scale, where it is learned."""
        return init_scale(self.scale, self.learned)

    def __call__(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """(..., Q, N)."""
        items = support.double()
        alpha = self.fit(items, one_hot(support_labels, n_way, items.dtype))
        scores = (query.double() @ items.mT @ alpha).to(query.dtype)
        return scale_of(params, self.scale) * scores

    def fit(self, items: Tensor, y: Tensor) -> Tensor:
        """Dual variables (..., S, N) for float64 features (..., S, D) and one-hot labels."""
        kernel = add_to_diagonal(items @ items.mT, self.jitter)
        fixed = kernel.detach()
        alpha = solve_dual(fixed, y, self.c, self.steps)
        project = projection(alpha < self.c * y)
        return with_implicit_gradient(
            alpha,
            project(kernel @ alpha - y),
            lambda right: conjugate_gradients(
                lambda x: project(fixed @ project(x)), project(right), 1e-12
            ),
        )
