"""What the classifiers with one covariance or one subspace for each class share.

Both need only inner products of items, so all is done with (S, S) matrices in float64, whatever
the number of features.
"""

from typing import NamedTuple

from torch import Tensor

from fewshot_bench.nn.heads import squared_distances
from fewshot_bench.nn.labels import one_hot


class Products(NamedTuple):
    """Inner products of an episode with the support's mean as the origin, in float64.

    Attributes:
        members: (..., N, S) one-hot.
        counts: (..., N, 1, 1) shots.
        gram: (..., 1, S, S) of the support.
        deviations: (..., N, Q, S) of ``query - centre of the class`` with the support.
        distances: (..., N, Q) squared, of queries from centres.
    """

    members: Tensor
    counts: Tensor
    gram: Tensor
    deviations: Tensor
    distances: Tensor

    def around_means(self) -> Tensor:
        """(..., N, S, S) projections: keep the items of a class and subtract their mean."""
        members = self.members
        outer = members.unsqueeze(-1) * members.unsqueeze(-2)
        return members.diag_embed() - outer / self.counts


def products(
    support: Tensor, labels: Tensor, query: Tensor, n_way: int, *, means: bool
) -> Products:
    """Inner products; the centre of a class is its mean, or the origin of features."""
    items, queries = support.double(), query.double()
    if means:
        origin = items.mean(dim=-2, keepdim=True)
        items, queries = items - origin, queries - origin
    members = one_hot(labels, n_way, items.dtype).mT
    counts = members.sum(dim=-1)
    weights = members / counts.unsqueeze(-1) if means else 0 * members
    gram = items @ items.mT
    deviations = (queries @ items.mT).unsqueeze(-3) - (weights @ gram).unsqueeze(-2)
    distances = squared_distances(queries, weights @ items).mT
    return Products(members, counts[..., None, None], gram.unsqueeze(-3), deviations, distances)
