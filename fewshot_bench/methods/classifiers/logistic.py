"""Multinomial logistic regression: the optimum, found by Newton steps in the span of the support.

The head of Tian et al.: Rethinking Few-Shot Image Classification, 2020, arXiv 2003.11539 (RFS), and
of linear probes. Strictly convex, so nothing is random and no rate is to be chosen.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.classifiers.implicit import (
    Operator,
    conjugate_gradients,
    inner,
    with_implicit_gradient,
)
from fewshot_bench.methods.options import Rate
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.algebra import span_basis
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Problem:
    """``c * cross-entropy summed over items + |weights|^2 / 2``; the last row is not penalised.

    Attributes:
        x: (..., S, r + 1), the last column constant.
        y: (..., S, N) one-hot.
        c: weight of the data.
    """

    x: Tensor
    y: Tensor
    c: float

    def penalised(self, weights: Tensor) -> Tensor:
        """Weights (..., r + 1, N) without the row of intercepts."""
        return torch.cat([weights[..., :-1, :], torch.zeros_like(weights[..., -1:, :])], dim=-2)

    def value(self, weights: Tensor) -> Tensor:
        """The objective (..., 1, 1)."""
        log_p = (self.x @ weights).log_softmax(dim=-1)
        penalised = self.penalised(weights)
        return inner(penalised, penalised) / 2 - self.c * inner(self.y, log_p)

    def gradient(self, weights: Tensor) -> Tensor:
        """(..., r + 1, N)."""
        p = (self.x @ weights).softmax(dim=-1)
        return self.c * (self.x.mT @ (p - self.y)) + self.penalised(weights)

    def hessian(self, weights: Tensor) -> Operator:
        """The Hessian at these weights as a function of a direction."""
        p = (self.x @ weights).softmax(dim=-1)

        def product(direction: Tensor) -> Tensor:
            change = p * (self.x @ direction)
            change = change - p * change.sum(dim=-1, keepdim=True)
            return self.c * (self.x.mT @ change) + self.penalised(direction)

        return product


@torch.no_grad()
def minimise(problem: Problem, tolerance: float = 1e-12, limit: int = 50) -> Tensor:
    """Newton's method with step halving from zero, until the gradient is ``tolerance`` times its
    first norm (at least 1).
    """
    weights = torch.zeros_like(problem.x.mT @ problem.y)
    goal = None
    for _ in range(limit):
        gradient = problem.gradient(weights)
        norm = inner(gradient, gradient).sqrt()
        goal = tolerance * norm.clamp(min=1) if goal is None else goal
        if not (norm > goal).any():
            break
        direction = -conjugate_gradients(problem.hessian(weights), gradient, 1e-4, goal)
        weights = weights + _step(problem, weights, direction, gradient) * direction
    return weights


def _step(problem: Problem, weights: Tensor, direction: Tensor, gradient: Tensor) -> Tensor:
    """1, or its largest half, quarter... that lowers the objective enough, for each episode."""
    before, slope = problem.value(weights), inner(direction, gradient)
    step = torch.ones_like(before)
    for _ in range(30):
        after = problem.value(weights + step * direction)
        high = after > before + 1e-4 * step * slope + 1e-12 * before.abs()
        if not high.any():
            break
        step = torch.where(high, step / 2, step)
    return step


@dataclass(frozen=True)
class LogisticRegression(Classifier):
    """``min_w c * sum of cross-entropies + |w|^2 / 2`` with a free intercept, in float64.

    Differentiable in the features by the implicit function theorem, once.

    Attributes:
        c: weight of the data; 1 for features of length 1.
        mean: weigh the mean cross-entropy in place of the sum. With ``c = 1 / weight decay`` this
            is where the linear head of Baseline goes (Chen et al. 2019, arXiv 1904.04232).
    """

    c: Rate = 1.0
    mean: bool = False

    def __call__(
        self,
        params: Params,  # noqa: ARG002
        support: Tensor,
        support_labels: Tensor,
        query: Tensor,
        n_way: int,
    ) -> Tensor:
        """(..., Q, N)."""
        weights, intercept = self.fit(support.double(), support_labels, n_way)
        return (query.double() @ weights + intercept).to(query.dtype)

    def fit(
        self, support: Tensor, labels: Tensor, n_way: int, counted: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Weights (..., D, N) and intercepts (..., 1, N), which sum to zero over classes.

        Args:
            support: (..., S, D).
            labels: int64 (..., S).
            n_way: number of classes.
            counted: bool (..., S, 1), the items that count; None: all.
        """
        items = support.shape[-2]
        c = self.c / items if self.mean else self.c
        origin = support.mean(dim=-2, keepdim=True)
        # The constant's size makes the curvature along intercepts like that along weights.
        constant = (n_way / (c * items)) ** 0.5
        column = torch.full_like(support[..., :1], constant)
        x = torch.cat([support - origin, column], dim=-1)
        if counted is not None:
            x = x * counted  # a row of zeros adds a constant to the objective
        full = Problem(x, one_hot(labels, n_way, support.dtype), c)
        optimum = self._optimum(full)
        solution = with_implicit_gradient(
            optimum,
            full.gradient(optimum),
            # A change common to all classes is no change, and the Hessian is singular along it.
            lambda right: conjugate_gradients(
                full.hessian(optimum), right - right.mean(dim=-1, keepdim=True), 1e-12
            ),
        )
        weights = solution[..., :-1, :]
        return weights, constant * solution[..., -1:, :] - origin @ weights

    @torch.no_grad()
    def _optimum(self, full: Problem) -> Tensor:
        """The same problem in the span of the items, if that is smaller."""
        x, column = full.x[..., :-1], full.x[..., -1:]
        if x.shape[-2] >= x.shape[-1]:
            return minimise(full)
        basis = span_basis(x)
        small = minimise(Problem(torch.cat([x @ basis, column], dim=-1), full.y, full.c))
        return torch.cat([basis @ small[..., :-1, :], small[..., -1:, :]], dim=-2)
