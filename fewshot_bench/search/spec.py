"""What decides the result of a search, and what a search finds out about one candidate."""

import functools
import math
from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args

from fewshot_bench.errors import ConfigError
from fewshot_bench.supervised.catalogue import load_data
from fewshot_bench.supervised.data import SupervisedData
from fewshot_bench.supervised.models import Model, build_model
from fewshot_bench.supervised.train import Recipe, generator

T = TypeVar("T")

Method = Literal["evomal", "gp", "taylorglo"]
Elitism = Literal["paper", "code"]
Merge = Literal["off", "raw", "normalised"]
Reject = Literal["after", "before"]
Verdict = Literal["kept", "no gradient", "rejected", "not finite"]

CHOICES = {"method": Method, "elitism": Elitism, "merge": Merge, "reject": Reject}

STACKED_NUMBERS = 300_000  # parameters in one stack of networks: more do not fit the cache
SMALLEST_STACK, LARGEST_STACK = 4, 12
SEARCHES = 1 << 32  # the first of the seeds that searches train with; others stay below


@dataclass(frozen=True)
class SearchSpec:
    """One search, but for its length.

    Defaults are those of EvoMAL's released code, with two exceptions: the protocol takes 100 steps
    on all data, which the code does for MNIST (else 1000); and elitism is that of the paper.

    Attributes:
        method: ``gp`` is EvoMAL with all weights 1.
        data: name of a data set.
        model: name of a network.
        image_size: of image benchmarks; None for their own.
        max_classes: of image benchmarks, the first so many; None for all.
        seed: of everything that is drawn.
        population: candidates per generation.
        recipe: training of a candidate for its fitness, and the inner step of local search.
        local_steps: steps of local search, one unrolled training step each.
        local_lr: of its Adam.
        protocol_steps: of the rejection protocol.
        protocol_lr: of its Adam.
        elitism: ``paper`` copies the best 5 % (rounded up) into the next generation; ``code``
            copies none, as the released code does.
        merge: whether losses of equal gradients share their fitness: see :mod:`.equivalence`.
        reject: whether the rejection protocol looks at losses after local search, as the released
            code does, or before it, which spares those that it rejects the local search.

    Raises:
        ConfigError: a choice that does not exist, or a number out of its range.
    """

    method: Method
    data: str
    model: str
    image_size: int | None = None
    max_classes: int | None = None
    seed: int = 0
    population: int = 25
    recipe: Recipe = field(default_factory=lambda: Recipe(steps=500))
    local_steps: int = 250
    local_lr: float = 1e-3
    protocol_steps: int = 100
    protocol_lr: float = 0.01
    elitism: Elitism = "paper"
    merge: Merge = "off"
    reject: Reject = "after"

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            known = get_args(choices)
            if (value := getattr(self, name)) not in known:
                raise ConfigError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        if not 0 <= self.seed < SEARCHES:
            raise ConfigError(f"a search's seed is a number below 2**32, not {self.seed}")
        if self.population < 4:
            raise ConfigError(f"a population needs at least 4 candidates, not {self.population}")

    @property
    def training_seed(self) -> int:
        """Of the networks and batches that candidates are tried on.

        No comparison of losses reaches it, so that none has the ones a loss was chosen on.
        """
        return SEARCHES + self.seed


@dataclass(frozen=True)
class Outcome:
    """What became of one candidate.

    Attributes:
        verdict: why it has no fitness, or ``kept``.
        fitness: validation error after a short training; inf unless kept.
        weights: of its edges after local search, or TaylorGLO's coefficients.
    """

    verdict: Verdict
    fitness: float = math.inf
    weights: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Problem:
    """What candidates are tried on, opened once per process."""

    data: SupervisedData
    model: Model

    def stacks(self, candidates: list[T]) -> list[list[T]]:
        """Candidates in stacks of nearly equal size, which depends on the network's alone.

        Their number is even where there are enough candidates, for two cores.
        """
        largest = max(1, min(LARGEST_STACK, STACKED_NUMBERS // self.n_numbers))
        n_stacks = math.ceil(len(candidates) / largest)
        if len(candidates) >= 2 * SMALLEST_STACK:
            n_stacks += n_stacks % 2
        return [candidates[first::n_stacks] for first in range(n_stacks)]

    @functools.cached_property
    def n_numbers(self) -> int:
        """Numbers in the parameters of one network."""
        return sum(value.numel() for value in self.model.init(generator(0, 0)).values())


@functools.lru_cache(maxsize=1)
def open_problem(spec: SearchSpec) -> Problem:
    """Data and network of a search."""
    data = load_data(spec.data, spec.image_size, spec.max_classes)
    return Problem(data, build_model(spec.model, data))
