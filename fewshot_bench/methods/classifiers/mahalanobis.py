"""Mahalanobis distance under a covariance for each class, regularised.

Bateni et al.: Improved Few-Shot Visual Classification, 2019, arXiv 1912.03432 (Simple CNAPS), its
head alone. Its code gives a wrong matrix for one shot; here the class covariance is then zero.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.classifiers.within import products
from fewshot_bench.methods.options import Rate
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.algebra import solve_spd
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Mahalanobis(Classifier):
    """``-(q - mean)^T Sigma^-1 (q - mean)``, Sigma a mix of class, task and identity matrix.

    ``Sigma = l S_class + (1 - l) S_task + beta I`` with ``l = shots / (shots + 1)`` and divisors
    n - 1. Without the half and the determinant of a Gaussian, as published.

    Attributes:
        beta: weight of the identity.
        relative: multiply it by the mean variance of the support, so that the length of features
            does not matter; the published rule has False.
    """

    beta: Rate = 1.0
    relative: bool = True

    def __call__(
        self,
        params: Params,  # noqa: ARG002
        support: Tensor,
        support_labels: Tensor,
        query: Tensor,
        n_way: int,
    ) -> Tensor:
        """(..., Q, N)."""
        seen = products(support, support_labels, query, n_way, means=True)
        items, features = support.shape[-2:]
        task = (1 / (seen.counts + 1)) / max(items - 1, 1)
        own = seen.counts / (seen.counts + 1) / (seen.counts - 1).clamp(min=1)
        beta = torch.full_like(task, self.beta)
        if self.relative:
            variance = seen.gram.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
            variance = variance / (max(items - 1, 1) * features)
            beta = self.beta * torch.where(variance > 0, variance, torch.ones_like(variance))
        # Sigma = beta I + X^T C X with C = task I + own J, J a projection: its inverse is known.
        inverse = (1 / (task + own) - 1 / task) * seen.around_means()
        matrix = seen.gram + beta * (inverse + torch.eye(items).to(inverse) / task)
        inside = solve_spd(matrix, seen.deviations.mT)
        explained = (inside.mT * seen.deviations).sum(dim=-1)
        return ((explained - seen.distances) / beta.squeeze(-1)).mT.to(query.dtype)
