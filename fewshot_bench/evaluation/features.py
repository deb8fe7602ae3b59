"""Features of the images of a pool, each computed once, when an episode first needs it."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.methods.base import EmbeddingMethod
from fewshot_bench.nn.params import Params

BLOCK = 32  # images embedded together: their activations stay in a processor's cache


class FeatureBank:
    """The features of a method on the images of a loader.

    Images are embedded in aligned blocks, so a feature is the same to the last bit whichever
    episodes are asked for.
    """

    def __init__(self, method: EmbeddingMethod, params: Params, loader: EpisodeLoader) -> None:
        self._method, self._params, self._loader = method, params, loader
        self._n = len(loader.pool)
        self._features: Tensor | None = None
        self._done = np.zeros(-(-self._n // BLOCK), dtype=bool)

    def features(self, *ids: NDArray[np.int32]) -> list[Tensor]:
        """Features (B, M, D) for each array of image ids (B, M)."""
        self._fill(*ids)
        assert self._features is not None, "an episode has images"
        device = self._features.device
        return [self._features[torch.from_numpy(array).long().to(device)] for array in ids]

    @torch.no_grad()
    def _fill(self, *ids: NDArray[np.int32]) -> None:
        """Embed the blocks of these images that are new."""
        needed = np.zeros_like(self._done)
        for array in ids:
            needed[array.ravel() // BLOCK] = True
        for block in np.flatnonzero(needed & ~self._done).tolist():
            rows = torch.arange(block * BLOCK, min((block + 1) * BLOCK, self._n))
            values = self._method.embed(self._params, self._loader.gather(rows[None])[0])
            if self._features is None:
                self._features = values.new_empty(self._n, values.shape[1])
            self._features[rows[0] : rows[-1] + 1] = values
        self._done |= needed
