"""Checks of how a method starts and what it learns from. One text for each problem."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import torch
from torch import Tensor

from fewshot_bench.methods.base import FewShotMethod, Objective, Setting, Traits
from fewshot_bench.nn.params import Params, is_buffer
from fewshot_bench.testing.case import Case, Check, changed, differing, kind, listed

AVERAGES = ("running_mean", "running_var")  # buffers that training blends statistics into
ROUNDED_ZERO = 1e-12  # what rounding leaves of a gradient that is zero on paper
LOSS = "episode_loss must return Objective(loss, statistics)"


def traits_fit(case: Case) -> Iterator[str]:
    """Traits with a known setting."""
    traits: Any = case.method.traits
    if not isinstance(traits, Traits):
        yield f"traits must be a Traits, not {kind(traits)}"
    elif traits.setting not in get_args(Setting):
        yield f"traits.setting must be one of {', '.join(get_args(Setting))}, not {traits.setting}"


def init_fits(case: Case) -> Iterator[str]:
    """Float32 tensors by name."""
    params: Any = fresh(case.method, 0)
    must = "init must return a dict of float32 tensors by name"
    if not isinstance(params, dict):
        yield f"{must}, it returned {kind(params)}"
        return
    for name, value in params.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            yield f"{must}, it returned {kind(value)} as {name!r}"
        elif value.dtype != torch.float32:
            yield f"{must}, {name} is {value.dtype}"
        elif not value.isfinite().all():
            yield f"{must}, {name} is not finite"
        elif value.requires_grad:
            yield f"{must} that require no gradient yet, {name} does"


def init_repeats(case: Case) -> Iterator[str]:
    """The same generator gives the same parameters."""
    if names := changed(fresh(case.method, 3), fresh(case.method, 3)):
        yield f"init must draw from the generator only; with the same {listed(names)} differ"


def init_draws(case: Case) -> Iterator[str]:
    """Another generator gives others."""
    one, other = fresh(case.method, 3), fresh(case.method, 4)
    if one and not changed(one, other):
        yield "init gives the same parameters for every generator: training seeds make less change"


def fresh(method: FewShotMethod, seed: int) -> Params:
    """Initial parameters."""
    return method.init(torch.Generator().manual_seed(seed))


def objective_fits(case: Case) -> Iterator[str]:
    """A scalar that is finite and has a gradient."""
    if not case.method.traits.trains:
        return
    found: Any = case.objective
    if not isinstance(found, Objective):
        yield f"{LOSS}, it returned {kind(found)}"
    elif not isinstance(found.loss, Tensor) or found.loss.dim():
        yield f"{LOSS} with a scalar tensor as loss, not {kind(found.loss)}"
    elif not found.loss.requires_grad:
        yield f"{LOSS} with a loss that has a gradient; it was detached, or made in no_grad"
    elif not isinstance(found.statistics, Mapping):
        yield f"{LOSS} with statistics by name, not {kind(found.statistics)}"


def loss_finite(case: Case) -> Iterator[str]:
    """The loss is a number."""
    if case.method.traits.trains and not case.objective.loss.isfinite():
        yield f"{LOSS} with a finite loss, it is {case.objective.loss.item()}"


def statistics_fit(case: Case) -> Iterator[str]:
    """A statistic for each running average, of its shape."""
    if not case.method.traits.trains:
        return
    statistics, params = case.objective.statistics, case.params
    for key, value in statistics.items():
        name, _, row = key.partition("@")
        if name not in params or not is_buffer(name):
            yield f"{LOSS} with statistics named like buffers that init makes; {key} is none"
        elif value.shape != (params[name][int(row)] if row else params[name]).shape:
            yield f"{LOSS} with statistics of the shape of their buffers; {key} is {kind(value)}"
    told = {key.partition("@")[0] for key in statistics}
    averages = [name for name in params if name.endswith(AVERAGES)]
    missing = [n for n in averages if n not in told and not case.method.frozen(n)]
    if missing:
        yield f"{LOSS} with statistics of each running average; {listed(missing)} got none"


def gradients_fit(case: Case) -> Iterator[str]:
    """The gradient of the loss is finite."""
    if bad := [n for n, grad in gradients(case).items() if not grad.isfinite().all()]:
        yield f"the loss of episode_loss must have finite gradients; that of {listed(bad)} is not"


def gradients_reach(case: Case) -> Iterator[str]:
    """Every parameter learns."""
    idle = [n for n, g in gradients(case).items() if not g.abs().gt(ROUNDED_ZERO).any()]
    if idle:
        yield f"no gradient reaches {listed(idle)}: it is stored, but never learned"


def gradients(case: Case) -> Params:
    """Of the loss in each learned parameter; zeros where it plays no part."""
    learned = {name: value for name, value in case.learned.items() if value.requires_grad}
    if not case.method.traits.trains or not learned:
        return {}
    found = torch.autograd.grad(
        case.objective.loss, list(learned.values()), retain_graph=True, materialize_grads=True
    )
    return dict(zip(learned, found, strict=True))


def training_changes_nothing(case: Case) -> Iterator[str]:
    """It is the trainer that changes parameters."""
    if not case.method.traits.trains:
        return
    _ = case.objective
    if names := changed({**case.before, **case.learned}, {**case.given, **case.taught}):
        yield f"episode_loss must not change what it is given; it changed {listed(names)}"


def schedule_keeps(case: Case) -> Iterator[str]:
    """At any time of training the predictions are the same."""
    later: Any = case.method.at(0.5)
    if not isinstance(later, FewShotMethod):
        yield f"at must return a method, it returned {kind(later)}"
    elif differing(Case(case.name, later, case.params, case.episode).logits, case.logits).any():
        yield "at may change what is trained, not what is predicted; predictions differ"


def parts_fit(case: Case) -> Iterator[str]:
    """Parts are methods with parameters of their own name."""
    for name, part in case.method.parts().items():
        if not isinstance(part, FewShotMethod):
            yield f"parts must return methods by name; {name} is {kind(part)}"
        elif strange := [n for n in fresh(part, 0) if not n.startswith(f"{name}.")]:
            yield f"parameters of the part {name} must begin with {name!r}; {strange[0]} does not"


def finish_fits(case: Case) -> Iterator[str]:
    """What follows from the training images is what init has a place for."""
    found: Any = case.method.finish(case.params, [case.episode.support])
    if not isinstance(found, Mapping):
        yield f"finish must return buffers by name, it returned {kind(found)}"
    elif strange := [name for name in found if name not in case.params]:
        yield f"finish must return buffers that init makes; {listed(strange)} is none"


TRAITS = Check("traits", traits_fit, gates=True)
INIT = Check("init gives float32 tensors by name", init_fits, gates=True)
OBJECTIVE = Check("a scalar loss with a gradient", objective_fits, gates=True)
LOSS_FINITE = Check("a finite loss", loss_finite)
STATISTICS = Check("statistics of each running average", statistics_fit)
NOTHING_CHANGED = Check("parameters stay as they are in episode_loss", training_changes_nothing)

START = (
    Check("init follows the generator", init_repeats),
    Check("init draws", init_draws, note=True),
)
LEARNING = (
    OBJECTIVE,
    LOSS_FINITE,
    STATISTICS,
    Check("finite gradients", gradients_fit),
    Check("every parameter learns", gradients_reach, note=True),
    NOTHING_CHANGED,
    Check("a schedule of training only", schedule_keeps),
    Check("parts are methods", parts_fit),
    Check("buffers after training", finish_fits),
)
