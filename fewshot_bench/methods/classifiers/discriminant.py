"""Linear discriminants: class means in the metric of one covariance that all classes share.

Logits are ``mean L query - mean L mean / 2`` with the precision ``L = (a I + b R^T R)^-1``, R the
(S, D) residuals of the support from its class means. With fewer items than features only an
(S, S) system is solved.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.options import Share
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.algebra import add_to_diagonal, solve_spd
from fewshot_bench.nn.heads import prototypes
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params


def times_precision(vectors: Tensor, residuals: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """``vectors (a I + b R^T R)^-1`` for (..., N, D), (..., S, D) and numbers (..., 1, 1)."""
    if residuals.shape[-2] >= residuals.shape[-1]:
        matrix = add_to_diagonal(b * (residuals.mT @ residuals), a)
        return solve_spd(matrix, vectors.mT).mT
    matrix = add_to_diagonal(b * (residuals @ residuals.mT), a)
    inside = solve_spd(matrix, b * (residuals @ vectors.mT))
    return (vectors - inside.mT @ residuals) / a


class Discriminant(Classifier):
    """What LDA and GDA share; they differ in the two numbers of the precision.

    Where all residuals are zero (one shot) there is no covariance: the mean squared deviation of
    the class means takes its place in all directions, and the rule is the nearest class mean.
    """

    @abstractmethod
    def numbers(self, scatter: Tensor, items: int, features: int) -> tuple[Tensor, Tensor]:
        """a and b of the precision, from the scatter tr(R^T R) (..., 1, 1), S and D."""

    def __call__(
        self,
        params: Params,  # noqa: ARG002
        support: Tensor,
        support_labels: Tensor,
        query: Tensor,
        n_way: int,
    ) -> Tensor:
        """(..., Q, N)."""
        origin = support.double().mean(dim=-2, keepdim=True)
        items, queries = support.double() - origin, query.double() - origin
        means = prototypes(items, support_labels, n_way)
        residuals = items - one_hot(support_labels, n_way, items.dtype) @ means
        a, b = self.numbers(_total(residuals), items.shape[-2], items.shape[-1])
        spread = _total(means) / (n_way * items.shape[-1])
        none = _total(residuals) <= 1e-12 * _total(items)
        a = torch.where(none, torch.where(spread > 0, spread, torch.ones_like(spread)), a)
        precise = times_precision(means, residuals, a, torch.where(none, torch.zeros_like(b), b))
        logits = queries @ precise.mT - (precise * means).sum(dim=-1).unsqueeze(-2) / 2
        return logits.to(query.dtype)


def _total(x: Tensor) -> Tensor:
    return (x * x).sum(dim=(-2, -1), keepdim=True)


@dataclass(frozen=True)
class LDA(Discriminant):
    """Fisher's rule with a covariance that is mixed with a multiple of the identity.

    Attributes:
        shrinkage: share of the identity of equal trace; at 1 the rule is the nearest class mean.
            At 0 it is held at 1e-9, so that a covariance of low rank can be inverted.
    """

    shrinkage: Share = 0.5

    def numbers(self, scatter: Tensor, items: int, features: int) -> tuple[Tensor, Tensor]:
        """Covariance with divisor S."""
        identity = max(self.shrinkage, 1e-9) * scatter / (items * features)
        return identity, torch.full_like(scatter, (1 - self.shrinkage) / items)


@dataclass(frozen=True)
class GDA(Discriminant):
    """The closed form of Wang et al. 2024 (arXiv 2402.04087) without its text part.

    ``L = D ((S - 1) C + tr(C) I)^-1`` with C the covariance of the residuals, divisor S - 1.
    """

    def numbers(self, scatter: Tensor, items: int, features: int) -> tuple[Tensor, Tensor]:
        """Nothing to choose."""
        return scatter / (max(items - 1, 1) * features), torch.full_like(scatter, 1 / features)
