"""A cosine classifier, trained on the support by gradient descent.

Chen et al.: A Closer Look at Few-shot Classification, 2019, arXiv 1904.04232 (Baseline++).
"""

from dataclasses import dataclass

from torch import Tensor

from fewshot_bench.methods.options import Rate, Steps
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.algebra import span_basis, unit
from fewshot_bench.nn.heads import prototypes
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class CosineHead(Classifier):
    """Cosines to one vector for each class, times a scale; the vectors start at the class means.

    Full-batch gradient descent on the mean cross-entropy, from a fixed start, so that nothing is
    random. The published head starts at random, takes batches of 4 and learns a norm for each
    vector. Without steps this is the cosine to the class mean.

    Attributes:
        scale: factor of the cosines.
        steps: gradient steps.
        lr: their size, for vectors of length 1 at the start.
    """

    scale: Rate = 2.0
    steps: Steps = 100
    lr: Rate = 0.1

    def __call__(
        self,
        params: Params,  # noqa: ARG002
        support: Tensor,
        support_labels: Tensor,
        query: Tensor,
        n_way: int,
    ) -> Tensor:
        """(..., Q, N)."""
        items, queries = unit(support), unit(query)
        vectors = unit(prototypes(support, support_labels, n_way))
        targets = one_hot(support_labels, n_way, support.dtype)
        # Vectors stay in the span of the items; a gradient to the items would leave it.
        if items.shape[-2] < items.shape[-1] and not support.requires_grad:
            basis = span_basis(items)
            items, queries, vectors = items @ basis, queries @ basis, vectors @ basis
        for _ in range(self.steps):
            vectors = vectors - self.lr * self._gradient(vectors, items, targets)
        return self.scale * queries @ unit(vectors).mT

    def _gradient(self, vectors: Tensor, items: Tensor, targets: Tensor) -> Tensor:
        """Of the mean cross-entropy in the vectors (..., N, r)."""
        directions = unit(vectors)
        p = (self.scale * items @ directions.mT).softmax(dim=-1)
        pull: Tensor = self.scale * (p - targets).mT @ items / items.shape[-2]
        radial = (pull * directions).sum(dim=-1, keepdim=True) * directions
        length = (vectors * vectors).sum(dim=-1, keepdim=True).sqrt()
        return (pull - radial) / length.clamp(min=1e-12)
