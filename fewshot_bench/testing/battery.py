"""All checks of a method, on a made-up episode and without any data."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from fewshot_bench.methods.base import FewShotMethod
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.nn.norm import blend
from fewshot_bench.nn.params import Params, is_buffer
from fewshot_bench.testing.case import Case, Check, Problem, copies
from fewshot_bench.testing.episodes import make_episode
from fewshot_bench.testing.features import FEATURES
from fewshot_bench.testing.learning import INIT, LEARNING, OBJECTIVE, START, STATISTICS, TRAITS
from fewshot_bench.testing.predictions import PREDICTIONS

SMALL_IMAGE = ImageShape(1, 16)
MOVED = 0.05  # how far parameters are moved, as a share of their size


@dataclass(frozen=True)
class Outcome:
    """What one check found.

    Attributes:
        title: of the check.
        problems: findings; empty where all is well.
    """

    title: str
    problems: tuple[Problem, ...]


def examine(
    method: FewShotMethod,
    image: ImageShape = SMALL_IMAGE,
    n_way: int = 5,
    *,
    name: str = "",
    dtype: torch.dtype = torch.float32,
) -> Iterator[Outcome]:
    """The outcomes of all checks, one after another; those that make no sense are left out.

    Predictions and gradients are looked at a little off the initial parameters and after one batch
    of statistics, because much begins as an identity that hides what it does.

    Args:
        method: what is checked.
        image: shape of the images it was made for.
        n_way: classes of the episode; ``traits.ways`` goes first.
        name: for messages; the class where there is none.
        dtype: of images and parameters. In float64 the checks are sharper.
    """
    name = name or type(method).__name__
    episode = make_episode(image, n_way, dtype=dtype)
    bare = Case(name, method, {}, episode)
    yield (found := _outcome(TRAITS, bare))
    if found.problems:
        return
    episode = make_episode(image, method.traits.ways or n_way, dtype=dtype)
    yield (found := _outcome(INIT, bare))
    if found.problems:
        return
    yield from _run(START, bare)
    case = Case(name, method, moved(method, dtype), episode)
    _settle(case)
    for checks in (PREDICTIONS, FEATURES, LEARNING):
        yield from _run(checks, Case(name, method, case.params, episode))


def check_method(
    method: FewShotMethod,
    image: ImageShape = SMALL_IMAGE,
    n_way: int = 5,
    *,
    name: str = "",
    dtype: torch.dtype = torch.float32,
) -> list[Problem]:
    """All that :func:`examine` finds, notes included; empty where all is well."""
    outcomes = examine(method, image, n_way, name=name, dtype=dtype)
    return [problem for outcome in outcomes for problem in outcome.problems]


def assert_contract(
    method: FewShotMethod,
    image: ImageShape = SMALL_IMAGE,
    n_way: int = 5,
    *,
    name: str = "",
    dtype: torch.dtype = torch.float32,
    notes: bool = False,
) -> None:
    """Fail, with one line for each problem, unless the method keeps the contract.

    Args:
        method: see :func:`examine`, as for what follows.
        image: shape of the images.
        n_way: number of classes.
        name: for messages.
        dtype: of images and parameters.
        notes: whether notes are failures, too.
    """
    found = check_method(method, image, n_way, name=name, dtype=dtype)
    lines = [str(problem) for problem in found if notes or not problem.note]
    assert not lines, "\n".join(lines)


def moved(method: FewShotMethod, dtype: torch.dtype = torch.float32, seed: int = 0) -> Params:
    """Initial parameters, moved a little at random; buffers as they are."""
    generator = torch.Generator().manual_seed(seed)
    params = {name: value.to(dtype) for name, value in method.init(generator).items()}
    out = copies(params)
    for name, value in out.items():
        noise = torch.randn(value.shape, generator=generator).to(dtype)
        size = value.abs().clamp(max=1).mean().clamp(min=0.2)
        value += 0.0 if is_buffer(name) else MOVED * size * noise
    return out


def _settle(case: Case) -> None:
    """Running averages after one batch, where the method tells its statistics as it must."""
    if not OBJECTIVE.problems(case) and not STATISTICS.problems(case) and case.method.traits.trains:
        blend(case.params, case.objective.statistics)


def _run(checks: tuple[Check, ...], case: Case) -> Iterator[Outcome]:
    for check in checks:
        yield (found := _outcome(check, case))
        if check.gates and found.problems:
            return


def _outcome(check: Check, case: Case) -> Outcome:
    return Outcome(check.title, tuple(check.problems(case)))
