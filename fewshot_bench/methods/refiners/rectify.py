"""Class means that confident queries correct in one step.

Liu, Song, Qin: Prototype Rectification for Few-Shot Learning, 2019, arXiv 1911.10713 (BD-CSPN).
"""

from dataclasses import dataclass

from torch import Tensor

from fewshot_bench.methods.options import Rate
from fewshot_bench.methods.parts import Refiner
from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.algebra import cosines
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params


def shifted(sets: Sets) -> Sets:
    """Queries moved so that their mean is that of the support."""
    shift = sets.support.mean(dim=-2, keepdim=True) - sets.query.mean(dim=-2, keepdim=True)
    return sets._replace(query=sets.query + shift)


def rectified_means(sets: Sets, scale: float) -> Tensor:
    """Means (..., N, D) of each class's support and of the queries nearest to it by cosine.

    Members weigh ``exp(scale * cosine)`` to the class mean, and the weights sum to 1. The code of
    others normalises over classes instead, or drops a class that no item chooses.
    """
    to_query, to_support = cosines(sets.query, sets.means), cosines(sets.support, sets.means)
    chosen = one_hot(to_query.argmax(dim=-1), sets.y.shape[-1], sets.query.dtype)
    weights = chosen * (scale * (to_query - 1)).exp()
    own = sets.y * (scale * (to_support - 1)).exp()
    total = (weights.sum(dim=-2) + own.sum(dim=-2)).unsqueeze(-1)
    return (weights.mT @ sets.query + own.mT @ sets.support) / total


@dataclass(frozen=True)
class BDCSPN(Refiner):
    """Cosine to the corrected class means.

    Attributes:
        scale: factor of the cosines, in the weights and in the result.
        shift: move the queries to the support's mean first, which supposes that both hold the
            classes in equal shares.
    """

    scale: Rate = 10.0
    shift: bool = True

    def __call__(self, params: Params, sets: Sets, logits: Tensor) -> Tensor:  # noqa: ARG002
        """(..., Q, N)."""
        if self.shift:
            sets = shifted(sets)
        scores = self.scale * cosines(sets.query, rectified_means(sets, self.scale))
        return scores.log_softmax(dim=-1)
