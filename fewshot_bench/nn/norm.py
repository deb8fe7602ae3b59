"""Batch normalisation with its policy spelt out, because it moves few-shot results by points.

* ``batch``: statistics of the batch at hand, always, as in MAML's own code. At test the queries
  share statistics, which makes a method transductive.
* ``running``: batch statistics in training, running averages at test (inductive).
* ``per_step``: like ``running``, with averages and affine parameters of their own for each inner
  step (MAML++, Antoniou et al. 2019, arXiv 1810.09502).
"""

from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.nn.batch_norm import EPS, batch_norm
from fewshot_bench.nn.params import Params

NormPolicy = Literal["batch", "running", "per_step"]
MOMENTUM = 0.1


@dataclass(eq=False)
class NormMode:
    """How normalisation layers behave during one pass through a network.

    Attributes:
        training: normalise by the batch; otherwise by running averages where the policy has them.
        step: inner step, for ``per_step``.
        seen: filled by each layer in training: buffer name -> statistic of this batch. The caller
            decides whether to blend them into the buffers (:func:`blend`).
    """

    training: bool
    step: int = 0
    seen: Params = field(default_factory=dict)


def check_policy(policy: str) -> None:
    """Raise ConfigError unless the policy is one of the three."""
    if policy not in get_args(NormPolicy):
        raise ConfigError(f"bn must be one of {', '.join(get_args(NormPolicy))}, not {policy!r}")


def init_norm(name: str, channels: int, policy: NormPolicy, n_steps: int = 1) -> Params:
    """Parameters and buffers of one layer: identity at the start.

    Shapes are (channels,), and (n_steps, channels) for ``per_step``.
    """
    shape = (n_steps, channels) if policy == "per_step" else (channels,)
    params = {f"{name}.weight": torch.ones(shape), f"{name}.bias": torch.zeros(shape)}
    if policy != "batch":
        params[f"{name}.running_mean"] = torch.zeros(shape)
        params[f"{name}.running_var"] = torch.ones(shape)
    return params


def norm(params: Params, name: str, x: Tensor, mode: NormMode) -> Tensor:
    """Normalise (B, C, H, W) activations; the policy follows from the parameters that are there.

    Steps beyond those of ``per_step`` (more inner steps at test than in training) use the last.
    """
    weight, bias = params[f"{name}.weight"], params[f"{name}.bias"]
    mean, var = params.get(f"{name}.running_mean"), params.get(f"{name}.running_var")
    row = min(mode.step, weight.shape[0] - 1) if weight.dim() == 2 else None
    if row is not None:
        weight, bias = weight[row], bias[row]
    if mean is None or var is None:
        return batch_norm(x, weight, bias)[0]
    if mode.training:
        y, seen, scale = batch_norm(x, weight, bias)
        count = x.numel() // x.shape[1]
        unbiased = (scale.pow(-2) - EPS) * (count / max(count - 1, 1))
        suffix = "" if row is None else f"@{row}"
        mode.seen[f"{name}.running_mean{suffix}"] = seen
        mode.seen[f"{name}.running_var{suffix}"] = unbiased
        return y
    if row is not None:
        mean, var = mean[row], var[row]
    return F.batch_norm(x, mean, var, weight, bias, training=False, eps=EPS)


def blend(params: Params, seen: Params, momentum: float = MOMENTUM) -> None:
    """Move running averages towards the statistics of one batch, in place.

    Args:
        params: holds the buffers.
        seen: from :attr:`NormMode.seen`; ``name@3`` means row 3 of a per-step buffer.
        momentum: weight of the new statistic.
    """
    with torch.no_grad():
        for key, value in seen.items():
            name, _, row = key.partition("@")
            buffer = params[name][int(row)] if row else params[name]
            buffer.lerp_(value, momentum)
