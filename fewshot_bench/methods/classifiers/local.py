"""Classes as sets of local descriptors.

Li et al.: Revisiting Local Descriptor based Image-to-Class Measure for Few-shot Learning, 2019,
arXiv 1903.12290 (DN4).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.classifiers.scale import init_scale, scale_of
from fewshot_bench.methods.options import Count, Rate
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params

LIMIT = 2**24  # similarities held at a time


@dataclass(frozen=True)
class LocalDescriptors(Classifier):
    """Mean over query positions of the k largest cosines to all positions of a class, summed.

    The paper sums over positions, too; the mean makes maps of different size alike. More shots
    raise the score of a class, so unequal shots favour the larger classes.

    Attributes:
        channels: features are maps (channels, height, width) laid flat. One position for each
            image (channels None) is the sum of the k largest cosines to its items.
        k: how many positions of a class count for each position of a query.
        scale: factor of the logits.
        learned: whether the factor is a parameter, which starts there.
    """

    channels: Count | None = None
    k: Count = 3
    scale: Rate = 1.0
    learned: bool = False

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """The scale, where it is learned; raises ConfigError if D is no multiple of channels."""
        if self.channels and features % self.channels:
            raise ConfigError(
                f"{features} features are no maps of {self.channels} channels;"
                " set channels to what the backbone has at its end"
            )
        return init_scale(self.scale, self.learned)

    def __call__(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """(..., Q, N); goes through the queries in parts, so that memory stays bounded."""
        items, queries = self._descriptors(support), self._descriptors(query)
        positions = items.shape[-2]
        items = items.flatten(-3, -2)
        labels = support_labels.repeat_interleave(positions, dim=-1)
        columns = max(1, items.shape[:-1].numel() * positions * n_way)
        parts = torch.split(queries, max(1, LIMIT // columns), dim=-3)
        sums = torch.cat([self._sums(items, labels, part, n_way) for part in parts], dim=-2)
        return scale_of(params, self.scale) * sums / positions

    def _descriptors(self, x: Tensor) -> Tensor:
        """(..., n, D) to unit vectors (..., n, positions, channels)."""
        return F.normalize(x.reshape(*x.shape[:-1], self.channels or x.shape[-1], -1).mT, dim=-1)

    def _sums(self, items: Tensor, labels: Tensor, queries: Tensor, n_way: int) -> Tensor:
        """(..., S P, C), (..., S P) and (..., q, P, C) to (..., q, N)."""
        similarity = queries @ items.unsqueeze(-3).mT
        members = one_hot(labels, n_way, torch.bool).mT[..., None, None, :, :]
        own = similarity.unsqueeze(-2).masked_fill(~members, -torch.inf)
        best = own.topk(min(self.k, own.shape[-1]), dim=-1).values
        return best.masked_fill(best.isinf(), 0.0).sum(dim=(-3, -1))
