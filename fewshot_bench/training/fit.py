"""The loop that every training runs: steps, validations, a state on disk, the best parameters.

A training is a pure function of its configuration: what a step sees follows from its number alone,
so a run that was killed goes on from its last state and ends with the very same parameters.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import torch

from fewshot_bench.errors import ConfigError, Interrupted, TrainingError
from fewshot_bench.nn.params import Params, trainable
from fewshot_bench.training.log import EventLog, training_log
from fewshot_bench.training.state import State, learned, restore_state, save_state
from fewshot_bench.training.stop import stop_on_signal
from fewshot_bench.world import current

STATE = "state.safetensors"
SAVE_SECONDS = 20.0
B = TypeVar("B")
_log = logging.getLogger(__name__)


@dataclass
class Stopwatch:
    """Seconds of a training in one go; None for one that goes on from a state on disk.

    Attributes:
        folder: of the training.
    """

    folder: Path
    start: float | None = field(init=False)

    def __post_init__(self) -> None:
        self.start = None if (self.folder / STATE).exists() else time.monotonic()

    @property
    def seconds(self) -> float | None:
        """So far."""
        return None if self.start is None else round(time.monotonic() - self.start, 1)


class Observer(Protocol):
    """Told of the progress of a training; any display can be one."""

    def begin(self, what: str, steps: int, per_step: int) -> None:
        """A training of ``steps`` steps with ``per_step`` episodes or images each begins."""
        ...

    def step(self, step: int, per_step: int, loss: float) -> None:
        """A step is done: its number, its episodes or images, its mean loss."""
        ...

    def validation(self, step: int, accuracy: float, best: float) -> None:
        """A validation is done: accuracy and the best so far, fractions in [0, 1]."""
        ...


@dataclass(frozen=True)
class Plan:
    """How a training goes, whatever it trains.

    Attributes:
        steps: outer steps.
        val_every: steps between validations.
        learning_rate: of the step with this number, from 0; a group of the optimiser that has a
            ``factor`` gets it times that.
        optimizer: makes it from the trainable parameters.
        clip: bound on each component of the gradient; None for none.
        judge_start: whether the initial parameters are a candidate, too, because they are trained.
    """

    steps: int
    val_every: int
    learning_rate: Callable[[int], float]
    optimizer: Callable[[Params], torch.optim.Optimizer]
    clip: float | None = None
    judge_start: bool = False


class Work(Protocol[B]):
    """What a training does in one step, and how its parameters are judged."""

    def batches(self, start: int) -> Iterator[B]:
        """What steps start, start + 1, ... see."""
        ...

    def accumulate(self, params: Params, batch: B, step: int) -> float:
        """Add the gradient of one step to ``.grad``, update buffers, return the mean loss."""
        ...

    def suspect(self, params: Params, batch: B, step: int) -> str:
        """What in a batch makes the gradient infinite, as ``", episode 7"``; "" where unknown."""
        ...

    def validate(self, params: Params) -> float | None:
        """Accuracy on validation classes, in [0, 1]; the highest is kept. None: there are none."""
        ...


def fit(params: Params, plan: Plan, work: Work[B], folder: Path, observer: Observer) -> State:
    """Train, or go on training, in a folder that holds ``state.safetensors`` and ``log.jsonl``.

    Args:
        params: initial parameters, changed in place; those that require gradients are trained.
        plan: how long and how fast.
        work: what a step does.
        folder: where the state lives.
        observer: told of the progress.

    Raises:
        ConfigError: there is nothing to train.
        TrainingError: loss or gradient is not finite; the last good state stays on disk.
        Interrupted: a signal came; the state is on disk.
    """
    trained = learned(params)
    if not trained:
        raise ConfigError("this method has no parameters to train, and does not say so itself")
    state = State(params, plan.optimizer(trained))
    if (folder / STATE).exists():
        restore_state(state, folder / STATE)
    saved = time.monotonic()
    world = current()
    world.gathered(state.step)  # all have read the state before the first writes another one
    with training_log(folder, state.step, writes=world.leads) as log, stop_on_signal() as stop:
        if plan.judge_start and not state.step:
            _judge(state, work.validate(params), observer, log)
        for batch in work.batches(state.step):
            loss = _step(state, plan, work, batch)
            observer.step(state.step, len(batch), loss)  # type: ignore[arg-type]
            log.write(state.step, loss=loss)
            if state.step % plan.val_every == 0 or state.step == plan.steps:
                _judge(state, work.validate(params), observer, log)
            stops = world.any(stop.requested)
            if world.leads and (stops or time.monotonic() - saved > SAVE_SECONDS):
                save_state(state, folder / STATE)
                saved = time.monotonic()
            if stops:
                raise Interrupted(
                    f"stopped after step {state.step}; the same command goes on from there"
                )
    if state.best is None:
        _log.warning("fsbench: note: there are no validation classes; the last step is kept")
    return state


def _step(state: State, plan: Plan, work: Work[B], batch: B) -> float:
    for group in state.optimizer.param_groups:
        group["lr"] = plan.learning_rate(state.step) * group.get("factor", 1.0)
    state.optimizer.zero_grad(set_to_none=True)
    loss = work.accumulate(state.params, batch, state.step)
    if not finite_gradient(state.params):
        raise TrainingError(
            f"training diverged in step {state.step + 1}"
            f"{work.suspect(state.params, batch, state.step)}: the gradient is not finite;"
            " the last good checkpoint is kept; lower the learning rates"
        )
    if plan.clip is not None:
        torch.nn.utils.clip_grad_value_(learned(state.params).values(), plan.clip)
    state.optimizer.step()
    state.step += 1
    return loss


def finite_gradient(params: Params) -> bool:
    """Whether no ``.grad`` holds an infinity or NaN; losses can be finite where gradients are not.

    Gradients too long for a float32 norm count as infinite.
    """
    grads = [value.grad for value in params.values() if value.grad is not None]
    return bool(torch.nn.utils.get_total_norm(grads).isfinite())


def _judge(state: State, value: float | None, observer: Observer, log: EventLog) -> None:
    if value is None:
        return
    state.validations += 1
    if value > state.best_accuracy:
        state.best = {name: p.detach().clone() for name, p in state.params.items()}
        state.best_step, state.best_accuracy = state.step, value
    observer.validation(state.step, value, state.best_accuracy)
    log.write(state.step, val_accuracy=value)


def learned_by(params: Params, device: torch.device, frozen: Callable[[str], bool]) -> Params:
    """Parameters on the device, asking for gradients where they are neither buffers nor frozen."""
    placed = {name: value.to(device) for name, value in params.items()}
    for name in trainable(placed):
        placed[name].requires_grad_(not frozen(name))
    return placed
