"""How the tasks of a meta-batch are computed: one after another, or all at once.

Both give the same numbers to rounding. Task after task holds the graph of a single task, which is
what a CPU wants, where one convolution fills the cores. All at once, a map over tasks, gives a GPU
enough to do, and spares a CPU calls where tasks are small, at the price of all graphs being alive
together.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

import torch

from fewshot_bench.data.loader import Episode, EpisodeBatch
from fewshot_bench.errors import ConfigError, TrainingError, one_line
from fewshot_bench.methods.base import FewShotMethod, Objective
from fewshot_bench.nn.params import Params

Episodes: TypeAlias = EpisodeBatch | tuple[Episode, ...]  # of one shape, or of several
NAMES = ("auto", "sequential", "vmap")


class Outcome(NamedTuple):
    """What a strategy found.

    Attributes:
        loss: mean meta-objective.
        seen: batch statistics of each episode, in their order.
    """

    loss: float
    seen: list[Params]


class Strategy(Protocol):
    """Adds the gradient of one outer step."""

    def __call__(
        self, method: FewShotMethod, params: Params, batch: Episodes, step: int
    ) -> Outcome:
        """Add the gradient of the mean meta-objective to ``.grad``.

        Raises:
            TrainingError: it is not finite; names the episode and the inner step.
        """
        ...


def task_by_task(method: FewShotMethod, params: Params, batch: Episodes, step: int) -> Outcome:
    """A :class:`Strategy` that holds the graph of one episode at a time."""
    parts = [one_task(method, params, episode, step, len(batch)) for episode in batch]
    return Outcome(sum(loss for loss, _ in parts), [seen for _, seen in parts])


def one_task(
    method: FewShotMethod, params: Params, episode: Episode, step: int, n_episodes: int
) -> tuple[float, Params]:
    """Add what one of ``n_episodes`` episodes has in the gradient of their mean.

    Returns:
        Its part of the mean meta-objective, and its batch statistics.

    Raises:
        TrainingError: see :class:`Strategy`.
    """
    try:
        loss, seen = method.episode_loss(params, episode)
    except TrainingError as error:
        raise _diverged(step, episode.number, str(error)) from error
    if not torch.isfinite(loss):
        raise _diverged(step, episode.number, f"the loss is {loss.item()}")
    (loss / n_episodes).backward()  # type: ignore[no-untyped-call]
    return loss.item() / n_episodes, dict(seen)


class AllAtOnce:
    """A ``torch.func.vmap`` over the episodes of a batch.

    Args:
        compiler: backend of ``torch.compile``, with which the first step takes a minute or more;
            None does not compile.
    """

    def __init__(self, compiler: str | None = None) -> None:
        self._losses = _compiled(compiler) if compiler else task_losses

    def __call__(
        self, method: FewShotMethod, params: Params, batch: Episodes, step: int
    ) -> Outcome:
        """See :class:`Strategy`; episodes of several shapes are computed one after another."""
        if isinstance(batch, tuple):
            return task_by_task(method, params, batch, step)
        try:
            losses, seen = self._losses(method, params, batch)
            finite = bool(losses.isfinite().all())
        except TrainingError:  # some optimisers can't decompose what is not finite
            finite = False
        if not finite:
            # The map can't say where; one task after another can, and stops there.
            return task_by_task(method, params, batch, step)
        losses.mean().backward()  # type: ignore[no-untyped-call]
        each = ({name: values[task] for name, values in seen.items()} for task in range(len(batch)))
        return Outcome(float(losses.mean().item()), list(each))


def task_losses(method: FewShotMethod, params: Params, batch: EpisodeBatch) -> Objective:
    """Meta-objectives (B,) of all episodes of a batch, and their batch statistics (B, ...)."""
    # The compiler can't trace the annotations of an inner function.
    one = lambda support, support_labels, query, query_labels: method.episode_loss(  # noqa: E731
        params, Episode(support, support_labels, query, query_labels, batch.n_way)
    )
    images_and_labels = (batch.support, batch.support_labels, batch.query, batch.query_labels)
    return Objective(*torch.func.vmap(one)(*images_and_labels))


def _compiled(backend: str) -> Callable[..., Objective]:
    from torch._dynamo.exc import TorchDynamoException  # takes a second

    compiled = torch.compile(task_losses, backend=backend, fullgraph=True)

    def losses(*case: Any) -> Objective:
        try:
            return compiled(*case)
        except TorchDynamoException as error:
            reason = one_line(str(error).strip().partition("\n")[0])
            raise ConfigError(f"this can't be compiled, leave out --compile: {reason}") from error

    return losses


def choose_strategy(
    name: str,
    method: FewShotMethod,
    device: torch.device,
    *,
    compiled: bool = False,
    one_shape: bool = True,
) -> Strategy:
    """The strategy of this name.

    ``auto`` maps over tasks where method and episodes allow it, on a GPU, and on a CPU if tasks are
    light.

    Args:
        name: ``auto``, ``sequential`` or ``vmap``.
        method: what is trained.
        device: where.
        compiled: whether to compile the map.
        one_shape: whether all training episodes have the same shape.

    Raises:
        ConfigError: no such strategy, nothing that can be mapped, or ``compiled`` without a map.
    """
    if name not in NAMES:
        raise ConfigError(f"--strategy is one of {', '.join(NAMES)}, not {name!r}")
    able = method.traits.maps and one_shape
    if name == "vmap" and not one_shape:
        raise ConfigError("episodes of varied shapes can't be mapped; use --strategy sequential")
    if name == "vmap" and not able:
        raise ConfigError("this method can't be mapped over tasks; use --strategy sequential")
    pays = able and (device.type == "cuda" or method.traits.small_inner_step)
    mapped = name == "vmap" or (name == "auto" and pays)
    if compiled and not mapped:
        raise ConfigError("--compile goes with --strategy vmap")
    return AllAtOnce("inductor" if compiled else None) if mapped else task_by_task


def _diverged(step: int, episode: int, what: str) -> TrainingError:
    return TrainingError(
        f"training diverged in step {step + 1}, episode {episode}: {what};"
        " the last good checkpoint is kept; lower train.lr or options.lr, or set train.clip"
    )
