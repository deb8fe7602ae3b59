"""Losses side by side: the same network, data, batches and seeds; the error at the end."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from fewshot_bench.errors import TrainingError
from fewshot_bench.inner.losses.criterion import supervised_loss
from fewshot_bench.inner.losses.network import LossNetwork, Scale, adalfl, ml3
from fewshot_bench.inner.losses.per_output import Criterion, criterion
from fewshot_bench.nn.params import Params
from fewshot_bench.stats import DegenerateWarning, Interval, mean_ci
from fewshot_bench.supervised.data import SupervisedData
from fewshot_bench.supervised.models import Model
from fewshot_bench.supervised.offline import OfflineRecipe, learn_offline
from fewshot_bench.supervised.train import Recipe, Trained, error, train
from fewshot_bench.training.adalfl import OnlineRecipe, train_adaptively

# Goes on being learned in training; of which scale.
ONLINE: dict[str, Scale] = {"adalfl": "paper", "adalfl[free]": "free"}
# Learned offline for each seed anew, then frozen.
OFFLINE: dict[str, Callable[[], LossNetwork]] = {"ml3": ml3, "adalfl[offline]": adalfl}


@dataclass(frozen=True)
class Bench:
    """What all losses have in common.

    Attributes:
        model: the network.
        data: what it learns.
        recipe: how it is trained.
        offline: how losses are learned before.
        online: how AdaLFL's goes on being learned.
    """

    model: Model
    data: SupervisedData
    recipe: Recipe
    offline: OfflineRecipe = field(default_factory=OfflineRecipe)
    online: OnlineRecipe = field(default_factory=OnlineRecipe)

    def train(self, loss: str, seed: int) -> Trained:
        """Train with a key of :data:`ONLINE` or :data:`OFFLINE`, a registered loss or a loss file.

        Raises:
            ConfigError: no such loss, or one that does not fit the data.
        """
        if loss in ONLINE:
            network = adalfl(scale=ONLINE[loss], task=self.data.task)
            return train_adaptively(
                self.model, self.data, self.recipe, seed, network, self.offline, self.online
            ).network
        return train(self.model, self.data, self._criterion(loss, seed), self.recipe, seed)

    def _criterion(self, loss: str, seed: int) -> Criterion:
        if loss not in OFFLINE:
            return supervised_loss(loss, self.data.task)
        network = OFFLINE[loss]()
        return criterion(network, self.learn(network, seed), self.data.task)

    def check(self, loss: str) -> None:
        """Raise what :meth:`train` would raise before its first step."""
        if loss not in ONLINE and loss not in OFFLINE:
            supervised_loss(loss, self.data.task)

    def learn(
        self, loss: LossNetwork, seed: int, done: Callable[[int], None] = lambda _: None
    ) -> Params:
        """The offline phase alone; ``done`` is told after each update how many there were."""
        return learn_offline(loss, self.model, self.data, self.recipe, self.offline, seed, done)

    def test_error(self, loss: str, seed: int) -> float:
        """Error rate, or squared error, on the test part; NaN where the training broke off."""
        try:
            trained = self.train(loss, seed)
        except TrainingError:  # the learning of the loss broke off
            return math.nan
        if trained.steps < self.recipe.steps:
            return math.nan
        found = error(self.model, trained.params, self.data.test)
        return found if math.isfinite(found) else math.nan


@dataclass(frozen=True)
class Line:
    """One loss in a comparison.

    Attributes:
        loss: as it was named.
        errors: test error of each seed.
        interval: over seeds, on this test part; None where a training broke off, or of one seed.
        difference: to the first loss, paired by seed; None for the first, and as ``interval``.
    """

    loss: str
    errors: tuple[float, ...]
    interval: Interval | None
    difference: Interval | None


def compare_losses(
    bench: Bench,
    losses: Sequence[str],
    seeds: Sequence[int],
    level: float = 0.95,
    done: Callable[[str, int, float], None] = lambda *_: None,
) -> list[Line]:
    """Train with each loss and seed.

    Args:
        bench: what they have in common.
        losses: the first is what the others are compared with.
        seeds: of weights, batches and learned losses.
        level: of the intervals.
        done: called after each training with loss, seed and error.

    Raises:
        ConfigError: no such loss, or one that does not fit the data; before any training.
    """
    for loss in losses:
        bench.check(loss)
    table = {}
    for loss in losses:
        errors = []
        for seed in seeds:
            errors.append(bench.test_error(loss, seed))
            done(loss, seed, errors[-1])
        table[loss] = np.array(errors)
    first = next(iter(table.values()))
    return [
        Line(
            loss,
            tuple(errors.tolist()),
            over_seeds(errors, level),
            None if errors is first else over_seeds(errors - first, level),
        )
        for loss, errors in table.items()
    ]


def over_seeds(
    values: np.ndarray[tuple[int], np.dtype[np.float64]], level: float
) -> Interval | None:
    """Student's interval about other seeds on the same test part."""
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # the flags say it
        return mean_ci(values, level, bounded=False, estimand="fixed_list")
