"""What a check looks at, what it finds, and when two predictions count as the same."""

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.errors import TrainingError, one_line
from fewshot_bench.methods.base import FewShotMethod, Objective
from fewshot_bench.nn.params import Params, is_buffer
from fewshot_bench.testing.episodes import hidden

# Differences by rounding, as a share of the range of the logits; convolutions on a GPU round inputs
# to 10 bits, in ways that depend on the size of the batch.
ROUNDING = {torch.float64: 1e-7, torch.float32: 1e-3}
GPU_ROUNDING = 1e-2
LEAST_RANGE = 0.1


@dataclass(frozen=True)
class Problem:
    """Where a method is not what the contract says.

    Attributes:
        method: its name.
        check: what was looked at, a few words.
        text: what the method must do, and what it did.
        note: whether it is no more than worth knowing.
    """

    method: str
    check: str
    text: str
    note: bool = False

    def __str__(self) -> str:
        return f"method {self.method}: {self.text}"


@dataclass(frozen=True, eq=False)
class Case:
    """A method with parameters and an episode.

    Attributes:
        name: of the method, for messages.
        method: what is checked.
        params: its parameters.
        episode: with query labels where a check trains.
    """

    name: str
    method: FewShotMethod
    params: Params
    episode: Episode

    def __post_init__(self) -> None:
        _ = self.before  # taken before the first call

    @functools.cached_property
    def before(self) -> Params:
        """Copies of parameters and images."""
        return copies(self.given)

    @property
    def given(self) -> Params:
        """All tensors that a method gets and must leave as they are."""
        images = {"episode.support": self.episode.support, "episode.query": self.episode.query}
        return {**self.params, **images}

    @functools.cached_property
    def logits(self) -> Tensor:
        """What the method says of the episode."""
        return self.predict(self.episode)

    @torch.no_grad()
    def predict(self, episode: Episode) -> Tensor:
        """Logits of the queries, whose labels are hidden; NaN where the inner loss diverged."""
        try:
            return self.method.predict(self.params, hidden(episode))
        except TrainingError:  # evaluation lists such episodes
            return episode.query.new_full((len(episode.query), episode.n_way), torch.nan)

    @functools.cached_property
    def learned(self) -> Params:
        """Copies of the parameters, those that learn with a gradient."""
        params = copies(self.params)
        for name, value in params.items():
            value.requires_grad_(not is_buffer(name) and not self.method.frozen(name))
        return params

    @functools.cached_property
    def taught(self) -> Params:
        """What training is given: copies that autograd lets a method change in place."""
        return {name: value.clone() for name, value in self.learned.items()}

    @functools.cached_property
    def objective(self) -> Objective:
        """Of the episode; by a method that breaks the contract it may be anything."""
        return self.method.episode_loss(self.taught, self.episode)


@dataclass(frozen=True)
class Check:
    """One thing to look at.

    Attributes:
        title: what holds where nothing is found.
        find: gives a text for each problem.
        note: whether its findings are no more than worth knowing.
        gates: whether the checks after it make no sense where something is found.
    """

    title: str
    find: Callable[[Case], Iterable[str]]
    note: bool = False
    gates: bool = False

    def problems(self, case: Case) -> list[Problem]:
        """What is found; an error of the method's is a finding, too."""
        return [Problem(case.name, self.title, text, self.note) for text in self._texts(case)]

    def _texts(self, case: Case) -> Iterator[str]:
        try:
            yield from self.find(case)
        except Exception as error:  # another's code can raise anything
            yield f"{self.title}: failed with {type(error).__name__}: {one_line(str(error))}"


def copies(params: Params) -> Params:
    """Copies without history."""
    return {name: value.detach().clone() for name, value in params.items()}


def changed(before: Params, after: Params) -> list[str]:
    """Names of tensors that are not what they were, or are new or gone."""
    names = [*before, *(name for name in after if name not in before)]
    return [
        name
        for name in names
        if name not in after or name not in before or not _equal(before[name], after[name])
    ]


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


def listed(names: list[str]) -> str:
    """The first names, and how many there are where some are left out."""
    return ", ".join(names) if len(names) <= 2 else f"{names[0]} and {len(names) - 1} others"


def kind(value: Any) -> str:
    """What a value is, for messages."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"{type(value).__name__}"


def differing(one: Tensor, other: Tensor) -> Tensor:
    """bool (Q,): rows of two (Q, n_way) logits that say something else, beyond rounding.

    Logits are log-probabilities up to a number per query, so it is these that are compared.
    """
    share = GPU_ROUNDING if one.is_cuda else ROUNDING.get(one.dtype, max(ROUNDING.values()))
    sure, sure_too = (F.log_softmax(x.double(), dim=1) for x in (one, other))
    room = (sure.amax(dim=1) - sure.amin(dim=1) + LEAST_RANGE) * share
    apart = (sure - sure_too).abs().amax(dim=1) > room
    return apart | (sure.isfinite().all(dim=1) != sure_too.isfinite().all(dim=1))
