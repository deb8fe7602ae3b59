"""Batch normalisation with its policy spelt out, because it moves few-shot results by points.

* ``batch``: statistics of the batch at hand, always, as in MAML's own code. At test the queries
  share statistics, which makes a method transductive.
* ``joint``: as ``batch``, with support set and queries in one batch, in every inner step and in the
  prediction, as in MeTAL's code.
* ``joint_steps``: the same in inner steps; the prediction normalises the queries by themselves, as
  in NPBML's code.
* ``support``: statistics of the support set, for the queries too (inductive).
* ``running``: batch statistics in training, running averages at test (inductive).
* ``per_step``: like ``running``, with averages and affine parameters of their own for each inner
  step (MAML++, Antoniou et al. 2019, arXiv 1810.09502).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.nn.batch_norm import EPS, batch_norm, shared_batch_norm
from fewshot_bench.nn.params import Params, Roles

NormPolicy = Literal["batch", "joint", "joint_steps", "support", "running", "per_step"]
BY_BATCH = ("batch", "joint", "joint_steps")  # queries share the statistics of their batch
MOMENTUM = 0.1
Moments: TypeAlias = dict[str, tuple[Tensor, Tensor]]


@dataclass(eq=False)
class NormMode:
    """How normalisation layers behave during one pass through a network.

    Attributes:
        training: normalise by the batch; otherwise by running averages where the policy has them.
        step: inner step, for ``per_step``.
        seen: filled by each layer in training: buffer name -> statistic of this batch. The caller
            decides whether to blend them into the buffers (:func:`blend`).
        kept: filled by each layer without running averages, where it is not None: the mean and
            variance of this batch, differentiable.
        given: ``kept`` of another pass, to normalise by.
        across: sums over the processes that share a batch, differentiable; None where one process
            has all of it. Statistics are then those of the whole batch.
    """

    training: bool
    step: int = 0
    seen: Params = field(default_factory=dict)
    kept: Moments | None = None
    given: Moments | None = None
    across: Callable[[Tensor], Tensor] | None = None


def check_policy(policy: str) -> None:
    """Raise ConfigError unless the policy is a known one."""
    if policy not in get_args(NormPolicy):
        raise ConfigError(f"bn must be one of {', '.join(get_args(NormPolicy))}, not {policy!r}")


def init_norm(name: str, channels: int, policy: NormPolicy, n_steps: int = 1) -> Params:
    """Parameters and buffers of one layer: identity at the start.

    Shapes are (channels,), and (n_steps, channels) for ``per_step``.
    """
    shape = (n_steps, channels) if policy == "per_step" else (channels,)
    params = {f"{name}.weight": torch.ones(shape), f"{name}.bias": torch.zeros(shape)}
    if policy in ("running", "per_step"):
        params[f"{name}.running_mean"] = torch.zeros(shape)
        params[f"{name}.running_var"] = torch.ones(shape)
    return params


def norm_roles(name: str) -> Roles:
    """Of the parameters of one layer."""
    return {f"{name}.weight": "normalisation", f"{name}.bias": "normalisation"}


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
        return _by_moments(name, x, weight, bias, mode)
    if mode.training:
        count = x.numel() // x.shape[1]
        if mode.across is None:
            y, seen, scale = batch_norm(x, weight, bias)
        else:
            y, seen, scale, count = shared_batch_norm(x, weight, bias, mode.across)
        unbiased = (scale.pow(-2) - EPS) * (count / max(count - 1, 1))
        suffix = "" if row is None else f"@{row}"
        mode.seen[f"{name}.running_mean{suffix}"] = seen
        mode.seen[f"{name}.running_var{suffix}"] = unbiased
        return y
    if row is not None:
        mean, var = mean[row], var[row]
    return F.batch_norm(x, mean, var, weight, bias, training=False, eps=EPS)


def _by_moments(name: str, x: Tensor, weight: Tensor, bias: Tensor, mode: NormMode) -> Tensor:
    """By the statistics of this batch, or of the one whose statistics are given."""
    if mode.given is None:
        if mode.kept is not None:
            var, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
            mode.kept[name] = mean, var
        return batch_norm(x, weight, bias)[0]
    mean, var = mode.given[name]  # torch's own would take them as constants
    scale = weight * (var + EPS).rsqrt()
    return torch.addcmul((bias - mean * scale).view(-1, 1, 1), x, scale.view(-1, 1, 1))


def blend(params: Params, seen: Mapping[str, Tensor], momentum: float = MOMENTUM) -> None:
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
