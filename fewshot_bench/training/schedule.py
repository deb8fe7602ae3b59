"""Learning rates over a training."""

import math


def cosine(step: int, steps: int, lr: float, lr_min: float) -> float:
    """Rate of the step with this number, from ``lr`` at 0 towards ``lr_min`` at ``steps``.

    A rate that begins below ``lr_min`` stays where it is.
    """
    lr_min = min(lr, lr_min)
    share = (1 + math.cos(math.pi * step / steps)) / 2
    return lr_min + (lr - lr_min) * share
