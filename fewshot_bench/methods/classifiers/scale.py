"""The factor of the logits: a number, or a parameter that is learned over episodes."""

import torch
from torch import Tensor

from fewshot_bench.nn.params import Params

SCALE = "classifier.scale"


def init_scale(scale: float, learned: bool) -> Params:
    """``classifier.scale`` (), which starts at ``scale``; nothing where it is not learned."""
    return {SCALE: torch.tensor(float(scale))} if learned else {}


def scale_of(params: Params, scale: float) -> Tensor | float:
    """The learned factor, or the given one where none is learned."""
    return params.get(SCALE, scale)
