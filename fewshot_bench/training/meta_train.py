"""Meta-training by episodes: Adam on the mean meta-objective of a few episodes per step."""

import itertools
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fewshot_bench.config import TrainConfig
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.predict import accuracy
from fewshot_bench.methods.base import FewShotMethod
from fewshot_bench.nn.norm import blend
from fewshot_bench.nn.params import Params
from fewshot_bench.training.fit import Observer, Plan, finite_gradient, fit, learned_by
from fewshot_bench.training.schedule import cosine
from fewshot_bench.training.state import State
from fewshot_bench.training.strategy import Episodes, Outcome, Strategy, one_task, task_by_task
from fewshot_bench.world import World, add_gradients, current, in_turns

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MetaTraining:
    """A step on the mean meta-objective of a batch of episodes.

    Attributes:
        method: what is trained.
        train: training episodes of the shape the configuration asks for.
        val: validation episodes of the test shape, of other classes; None keeps the last step.
        config: numbers of steps and episodes.
        strategy: one task after another, or all at once.
        world: the processes that share the episodes of a step.
    """

    method: FewShotMethod
    train: EpisodeLoader
    val: EpisodeLoader | None
    config: TrainConfig
    strategy: Strategy = task_by_task
    world: World = field(default_factory=current)

    def batches(self, start: int) -> Iterator[Episodes]:
        """Consecutive episodes, of which each process takes its share. The step says which.

        Raises:
            ConfigError: there are fewer than processes.
        """
        size = self.config.meta_batch
        self.world.check_enough(size, "train.meta_batch")
        first, stop, share = start * size, self.config.steps * size, self.world.share
        if self.train.sampler.one_shape:
            return self.train.batches(first, stop, size, rows=share)
        singles = (one.episode(0) for one in self.train.batches(first, stop, 1))
        steps = range(start, self.config.steps)
        return (tuple(itertools.islice(singles, size))[share] for _ in steps)

    def accumulate(self, params: Params, batch: Episodes, step: int) -> float:
        """Gradient of the mean meta-objective of all processes' episodes."""
        method, world = self.method.at(step / self.config.steps), self.world
        if world.size > 1 and self.strategy is task_by_task and self.train.device.type == "cpu":
            loss, seen = self._in_turns(method, params, batch, step)
        else:
            weight = len(batch) / self.config.meta_batch
            mine = self.strategy(method, params, batch, step)
            add_gradients(world, params.values(), weight)
            shares = world.gathered((weight * mine.loss, mine.seen))
            loss = sum(part for part, _ in shares)
            seen = in_turns([statistics for _, statistics in shares])
        for one in seen:
            blend(params, one)
        return loss

    def _in_turns(
        self, method: FewShotMethod, params: Params, batch: Episodes, step: int
    ) -> Outcome:
        """The gradients of all processes' episodes, summed as one process sums them.

        A gradient that is zero but for rounding, as that of a shift which no distance sees, is made
        as long as any other by Adam. So the order of sums is kept, and with it every bit.
        """
        learned = [value for value in params.values() if value.requires_grad]
        mine = []
        for episode in batch:
            loss, seen = one_task(method, params, episode, step, self.config.meta_batch)
            mine.append((loss, seen, [value.grad for value in learned]))
            for value in learned:
                value.grad = None
        parts = in_turns(self.world.gathered(mine))
        for _, _, grads in parts:
            for value, grad in zip(learned, grads, strict=True):
                if grad is not None:
                    value.grad = grad if value.grad is None else value.grad + grad
        return Outcome(sum(loss for loss, _, _ in parts), [seen for _, seen, _ in parts])

    def suspect(self, params: Params, batch: Episodes, step: int) -> str:
        """The first episode whose own gradient is not finite."""
        method = self.method.at(step / self.config.steps)
        for episode in batch:
            for value in params.values():
                value.grad = None
            method.episode_loss(params, episode).loss.backward()  # type: ignore[no-untyped-call]
            if not finite_gradient(params):
                return f", episode {episode.number}"
        return ""

    def validate(self, params: Params) -> float | None:
        """Mean accuracy of the first validation episodes."""
        if self.val is None:
            return None
        return float(accuracy(self.method, params, self.val, self.config.val_episodes).mean())


def meta_train(
    work: MetaTraining, folder: Path, observer: Observer, given: Params | None = None
) -> State:
    """Train a method, or go on training it.

    Args:
        work: method, episodes and configuration.
        folder: see :func:`fewshot_bench.training.fit.fit`.
        observer: told of the progress.
        given: parameters trained before, in place of fresh ones of these names. If there are any,
            the parameters before the first step are a candidate of the model selection.

    Raises:
        TrainingError: loss or gradient is not finite; the last good state stays on disk.
        Interrupted: a signal came; the state is on disk.
    """
    config, method = work.config, work.method
    start = started(method, config.seed, given or {})
    params = learned_by(start, work.train.device, method.frozen)
    plan = Plan(
        config.steps,
        config.val_every,
        lambda step: learning_rate(config, step),
        lambda learned: torch.optim.Adam(rate_groups(learned, config.rates), lr=config.lr),
        config.clip,
        judge_start=bool(given),
    )
    return fit(params, plan, work, folder, observer)


def started(method: FewShotMethod, seed: int, given: Params) -> Params:
    """Fresh parameters of a method, and in place of those of the same names the given ones."""
    fresh = method.init(torch.Generator().manual_seed(seed))
    return fresh | {n: _as(given[n], value, n) for n, value in fresh.items() if n in given}


def rate_groups(learned: Params, rates: Mapping[str, float]) -> list[dict[str, Any]]:
    """Groups of an optimiser: those parameters together whose rate has the same factor.

    Args:
        learned: parameters by name.
        rates: factor by the beginning of names; the longest that fits goes, 1 where none does. One
            that fits nothing is noted: a recipe may name what a variant does without.
    """
    for prefix in rates:
        if not any(name.startswith(prefix) for name in learned):
            _log.warning(
                "fsbench: note: train.rates: no parameter that is trained begins with %r", prefix
            )
    groups: dict[float, list[Tensor]] = {}
    for name, value in learned.items():
        fitting = [prefix for prefix in rates if name.startswith(prefix)]
        factor = rates[max(fitting, key=len)] if fitting else 1.0
        groups.setdefault(factor, []).append(value)
    return [{"params": values, "factor": factor} for factor, values in groups.items()]


def _as(given: Tensor, fresh: Tensor, name: str) -> Tensor:
    """A parameter trained before in the shape of a fresh one: the same in each inner step."""
    if given.shape not in (fresh.shape, fresh.shape[1:]):
        raise ConfigError(
            f"pre-training makes {name} of shape {tuple(given.shape)}, this method needs"
            f" {tuple(fresh.shape)}"
        )
    return given.expand_as(fresh).clone()


def learning_rate(config: TrainConfig, step: int) -> float:
    """Outer learning rate of the step with this number, from 0."""
    if config.schedule == "constant":
        return config.lr
    return cosine(step, config.steps, config.lr, config.lr_min)
