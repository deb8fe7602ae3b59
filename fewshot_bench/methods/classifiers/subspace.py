"""Distance to a subspace for each class.

Simon, Koniusz, Nock, Harandi: Adaptive Subspaces for Few-Shot Learning, CVPR 2020 (DSN).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.classifiers.scale import init_scale, scale_of
from fewshot_bench.methods.classifiers.within import products
from fewshot_bench.methods.options import Count, Rate
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.algebra import add_to_diagonal, solve_spd
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class Subspace(Classifier):
    """Negative squared distance of a query to the subspace of each class, times a scale.

    A class of K shots has an affine subspace of K - 1 dimensions: with one shot this is the nearest
    class mean. The projection is a ridge regression whose penalty is so small that it only keeps
    the gradient finite; the released code takes singular vectors and the root of the distance.

    Attributes:
        dimensions: at most so many, the directions of largest variance; None: all of them. A limit
            takes eigenvectors, whose gradient is infinite where eigenvalues are equal.
        affine: through the class mean; without, through the origin with K dimensions.
        scale: factor of the distances.
        learned: whether the factor is a parameter, which starts there.
        eps: penalty, relative to the mean squared length of support features.
    """

    dimensions: Count | None = None
    affine: bool = True
    scale: Rate = 1.0
    learned: bool = False
    eps: Rate = 1e-10

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """The scale, where it is learned."""
        return init_scale(self.scale, self.learned)

    def __call__(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """(..., Q, N)."""
        seen = products(support, support_labels, query, n_way, means=self.affine)
        own = seen.around_means() if self.affine else seen.members.diag_embed()
        inner = own @ seen.gram @ own
        along = seen.deviations @ own
        length = seen.gram.diagonal(dim1=-2, dim2=-1).mean(dim=-1)[..., None, None]
        eps = self.eps * torch.where(length > 0, length, torch.ones_like(length))
        if self.dimensions is None:
            inside = solve_spd(add_to_diagonal(inner, eps), along.mT).mT
            explained = (inside * along).sum(dim=-1)
        else:
            values, vectors = torch.linalg.eigh(inner)
            values, vectors = values[..., -self.dimensions :], vectors[..., -self.dimensions :]
            explained = ((along @ vectors) ** 2 / (values.unsqueeze(-2) + eps)).sum(dim=-1)
        logits = (explained - seen.distances).mT.to(query.dtype)
        return scale_of(params, self.scale) * logits
