"""Classes that are laid out anew for each position of a query, by attention.

Doersch, Gupta, Zisserman: CrossTransformers: spatially-aware few-shot transfer, 2020,
arXiv 2007.11498.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.classifiers.maps import MapClassifier, of_classes
from fewshot_bench.methods.classifiers.scale import init_scale, scale_of
from fewshot_bench.methods.options import Count, Rate
from fewshot_bench.nn.params import Params

KEY, VALUE = "classifier.key", "classifier.value"


@dataclass(frozen=True)
class CrossTransformers(MapClassifier):
    """Negative squared distance of a query's values to those that its positions attend to.

    Attributes:
        channels: features are maps (channels, height, width) laid flat; None: one position each.
        heads: channels of keys and values, linear maps that are learned over episodes (128 as
            published); None: descriptors as they are.
        scale: factor of the logits.
        learned: whether the factor is a parameter, which starts there.
    """

    heads: Count | None = None
    scale: Rate = 1.0
    learned: bool = False

    def init(self, features: int, generator: torch.Generator) -> Params:
        """Both maps (heads, channels) and the scale, where they are learned."""
        params = super().init(features, generator) | init_scale(self.scale, self.learned)
        if self.heads:
            inputs = self.channels or features
            for name in (KEY, VALUE):
                weight = torch.randn(self.heads, inputs, generator=generator)
                params[name] = weight / math.sqrt(inputs)
        return params

    def scores(
        self, params: Params, items: Tensor, labels: Tensor, queries: Tensor, n_way: int
    ) -> Tensor:
        """(..., q, N)."""
        keys, values = (self._head(params, name, items).unsqueeze(-3) for name in (KEY, VALUE))
        asked, wanted = (self._head(params, name, queries) for name in (KEY, VALUE))
        similarity = asked @ keys.mT / math.sqrt(keys.shape[-1])
        weights = of_classes(similarity, labels, n_way).softmax(dim=-1)
        aligned = weights @ values.unsqueeze(-4)
        squares = (wanted.unsqueeze(-3) - aligned).square().sum(dim=-1)
        return -scale_of(params, self.scale) * squares.mean(dim=-1)

    def _head(self, params: Params, name: str, x: Tensor) -> Tensor:
        return x @ params[name].mT if self.heads else x
