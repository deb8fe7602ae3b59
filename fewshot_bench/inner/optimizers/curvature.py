"""A learned matrix along each mode of a gradient tensor: Meta-Curvature.

Park, Oliva: Meta-Curvature, 2019, arXiv 1902.03356.
"""

import torch
from torch import Tensor

from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.inner.optimizers.transform import Transformed
from fewshot_bench.inner.protocols import GradientTransform
from fewshot_bench.nn.params import Params

_MODES = ("out", "in", "filter")


class Curvature(GradientTransform):
    """The paper's MC2: M_out, M_in and M_filter multiply the modes of a convolution's gradient.

    A linear layer has the first two, a vector a factor for each element. All start as identity:
    (out, out), (in, in) and (k * k, k * k).
    """

    def init(self, adapted: Params, generator: torch.Generator) -> Params:  # noqa: ARG002
        """``optimizer.curvature.<name>.out|in|filter``, or ``.element`` for vectors."""
        omega: Params = {}
        for name, value in adapted.items():
            key = f"optimizer.curvature.{name}"
            if value.dim() < 2:
                omega[f"{key}.element"] = torch.ones(value.shape)
                continue
            sizes = value.flatten(2).shape if value.dim() > 2 else value.shape
            for mode, size in zip(_MODES, sizes, strict=False):
                omega[f"{key}.{mode}"] = torch.eye(size)
        return omega

    def __call__(self, omega: Params, grads: Params, prepared: Params) -> Params:  # noqa: ARG002
        """Multiply every gradient along its modes."""
        return {
            name: _along_modes(omega, f"optimizer.curvature.{name}", grad)
            for name, grad in grads.items()
        }


def _along_modes(omega: Params, key: str, grad: Tensor) -> Tensor:
    if grad.dim() < 2:
        return omega[f"{key}.element"] * grad
    across = omega[f"{key}.out"] @ grad.flatten(1)
    if grad.dim() == 2:
        return across @ omega[f"{key}.in"]
    modes = across.view(*grad.shape[:2], -1)
    modes = torch.einsum("ij,oif->ojf", omega[f"{key}.in"], modes) @ omega[f"{key}.filter"]
    return modes.view(grad.shape)


def curvature(lr: float = 0.1) -> Transformed:
    """The paper's MC2: matrices that start as identity, in front of steps with one rate."""
    return Transformed(Curvature(), SGD(lr))
