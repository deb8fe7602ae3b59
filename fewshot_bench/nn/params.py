"""Parameters as one flat dict of dotted names: no state on modules, so every layer is a function.

Names that end in ``running_mean``, ``running_var`` or ``base_mean`` are buffers: they are stored
and loaded with the rest, but no gradient reaches them.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import torch
from torch import Tensor

Params: TypeAlias = dict[str, Tensor]

Role: TypeAlias = Literal["convolution", "normalisation", "linear", "film", "warp"]
Roles: TypeAlias = dict[str, Role]  # of learned parameters, by name

BUFFERS = ("running_mean", "running_var", "base_mean")


def is_buffer(name: str) -> bool:
    """Whether a parameter is a statistic of data, which nothing learns by gradient."""
    return name.endswith(BUFFERS)


def trainable(params: Mapping[str, Tensor]) -> Params:
    """The parameters without buffers."""
    return {name: value for name, value in params.items() if not is_buffer(name)}


def subset(params: Mapping[str, Tensor], prefix: str) -> Params:
    """The parameters whose name starts with ``prefix`` and a dot, names unchanged."""
    return {name: value for name, value in params.items() if name.startswith(f"{prefix}.")}


def merge(parts: Iterable[Mapping[str, Tensor]]) -> Params:
    """Union of disjoint dicts; raises ValueError if a name occurs twice."""
    out: Params = {}
    for part in parts:
        if twice := out.keys() & part.keys():
            raise ValueError(f"parameters named twice: {sorted(twice)}")
        out.update(part)
    return out


def kaiming_normal(shape: tuple[int, ...], generator: torch.Generator, gain: float = 2.0) -> Tensor:
    """float32 weights with variance gain / fan_in (He et al. 2015, arXiv 1502.01852)."""
    fan_in = math.prod(shape[1:])
    return torch.randn(shape, generator=generator) * math.sqrt(gain / fan_in)
