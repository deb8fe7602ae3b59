"""A bound on the length of inner gradients, for inner losses that can grow without one."""

from dataclasses import dataclass

import torch

from fewshot_bench.inner.protocols import GradientTransform
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class NormClip(GradientTransform):
    """Shortens the gradient of all moving parameters together; see :mod:`.transform`.

    A gradient that is short enough passes as it is, so that nothing changes while all is well. A
    longer one keeps its direction, and the outer gradient of what is cut off is that of the
    direction alone, which can't explode.

    Attributes:
        bound: longest Euclidean norm of a gradient, above 0.
    """

    bound: float

    def __call__(self, omega: Params, grads: Params, prepared: Params) -> Params:  # noqa: ARG002
        """The gradients, scaled by one number of at most 1."""
        squares = torch.stack([g.square().sum() for g in grads.values()]).sum()
        # Clamped before the root, whose derivative at 0 is infinite.
        excess = (squares / self.bound**2).clamp_min(1).sqrt()
        return {name: g / excess for name, g in grads.items()}
