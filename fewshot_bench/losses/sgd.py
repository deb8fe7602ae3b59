"""A step of ``torch.optim.SGD`` that gradients can pass."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.nn.params import Params


class Moved(NamedTuple):
    """What a step made.

    Attributes:
        weights: after it, functions of the loss's meta-parameters.
        state: momenta after it.
        gradients: of the loss before it, also functions of the meta-parameters.
    """

    weights: Params
    state: Params
    gradients: Params


def check_sgd(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Raise ConfigError unless the step is one that :func:`moved` can take."""
    if type(optimizer) is not torch.optim.SGD:
        raise ConfigError(f"AdaLFL goes through torch.optim.SGD, not {type(optimizer).__name__}")
    for group in optimizer.param_groups:
        if group["dampening"] or group["maximize"]:
            raise ConfigError("AdaLFL's step has no dampening and does not maximise")
    return optimizer


def rules(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, SGD]:
    """The step rule of each parameter that the optimiser moves, as its group has it now."""
    groups = {
        id(value): SGD(
            float(group["lr"]), group["momentum"], group["nesterov"], group["weight_decay"]
        )
        for group in optimizer.param_groups
        for value in group["params"]
    }
    return {n: groups[id(p)] for n, p in model.named_parameters() if id(p) in groups}


def moved(loss: Tensor, weights: Params, state: Params, steps: Mapping[str, SGD]) -> Moved:
    """One step on a loss, with its graph.

    Args:
        loss: scalar, a function of the weights.
        weights: before the step.
        state: momenta by name; those that are missing are zero.
        steps: from :func:`rules`.
    """
    values = torch.autograd.grad(
        loss, list(weights.values()), create_graph=True, materialize_grads=True
    )
    gradients = dict(zip(weights, values, strict=True))
    after: Params = {}
    momenta: Params = {}
    for rule in set(steps.values()):
        names = [name for name in weights if steps[name] == rule]
        own = {name: weights[name] for name in names}
        begun = rule.start({}, own, None) | {n: state[n] for n in names if n in state}
        now, kept = rule.step({}, {n: gradients[n] for n in names}, begun, own, 0)
        after |= now
        momenta |= kept
    return Moved({name: after[name] for name in weights}, momenta, gradients)
