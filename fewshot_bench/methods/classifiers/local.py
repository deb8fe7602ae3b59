"""Classes as sets of local descriptors.

Li et al.: Revisiting Local Descriptor based Image-to-Class Measure for Few-shot Learning, 2019,
arXiv 1903.12290 (DN4).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.classifiers.maps import MapClassifier, of_classes
from fewshot_bench.methods.classifiers.scale import init_scale, scale_of
from fewshot_bench.methods.options import Count, Rate
from fewshot_bench.nn.algebra import unit
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class LocalDescriptors(MapClassifier):
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

    k: Count = 3
    scale: Rate = 1.0
    learned: bool = False

    def init(self, features: int, generator: torch.Generator) -> Params:
        """The scale, where it is learned; raises ConfigError if D is no multiple of channels."""
        return super().init(features, generator) | init_scale(self.scale, self.learned)

    def scores(
        self, params: Params, items: Tensor, labels: Tensor, queries: Tensor, n_way: int
    ) -> Tensor:
        """(..., q, N)."""
        similarity = unit(queries) @ unit(items).unsqueeze(-3).mT
        own = of_classes(similarity, labels, n_way)
        best = own.topk(min(self.k, own.shape[-1]), dim=-1).values
        sums = best.masked_fill(best.isinf(), 0.0).sum(dim=(-2, -1))
        return scale_of(params, self.scale) * sums / queries.shape[-2]
