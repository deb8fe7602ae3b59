"""The processes that share one training or one evaluation, and how they agree.

``torchrun`` and ``--devices`` start them. Each runs the same command, takes its share of the
episodes or images and keeps the same parameters; process 0 leads: it alone prints and writes. In a
process by itself everything here changes nothing.
"""

import contextlib
import datetime
import itertools
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fewshot_bench.errors import ConfigError, FsbenchError

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
# A process that died is noticed by its closed connection, so this only bounds an uneven share.
PATIENCE = datetime.timedelta(days=1)
_NOTHING: Any = object()


class LostProcessError(FsbenchError):
    """Another process of this training or evaluation has ended."""

    exit_code = 1


@dataclass(frozen=True)
class World:
    """Which of the processes this one is.

    Attributes:
        rank: number of this process, from 0.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0

    @property
    def share(self) -> slice:
        """Which of a sequence of things this process takes: every ``size``-th."""
        return slice(self.rank, None, self.size)

    def check_enough(self, n: int, setting: str) -> None:
        """Raise ConfigError if some process would have nothing to do.

        Args:
            n: how many things there are to share in a step.
            setting: what says so.
        """
        if n < self.size:
            raise ConfigError(
                f"{setting} = {n} is less than the {self.size} processes that share a step;"
                " raise it or take fewer processes"
            )

    def add(self, values: "Tensor") -> "Tensor":
        """The sum over all processes, written into ``values``."""
        if self.size > 1:
            with _contact():
                _distributed().all_reduce(values)
        return values

    def gathered(self, value: T) -> list[T]:
        """What all processes hold, in the order of their numbers."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        with _contact():
            _distributed().all_gather_object(values, value)
        return values

    def told(self, value: T) -> T:
        """What the process that leads holds."""
        return self.gathered(value)[0]

    @contextlib.contextmanager
    def one_first(self) -> Iterator[None]:
        """The block in the process that leads, and then in the others, which find what it made."""
        if not self.leads:
            self.told(None)
        yield
        if self.leads:
            self.told(None)

    def any(self, flag: bool) -> bool:
        """Whether it is true in one of the processes."""
        return any(self.gathered(flag))


def current() -> World:
    """The world that this process has joined, or one of its own."""
    if "torch" not in sys.modules:
        return World()
    distributed = _distributed()
    if not (distributed.is_available() and distributed.is_initialized()):
        return World()
    return World(distributed.get_rank(), distributed.get_world_size())


def expected() -> World:
    """The world that ``torchrun`` or ``--devices`` has started this process for."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    return World(int(os.environ["RANK"]), size) if size > 1 and "RANK" in os.environ else World()


def join() -> World:
    """Join the processes that were started with this one, if any.

    From here on processes that do not lead print no results and no remarks.
    """
    if expected().size == 1 or current().size > 1:
        return current()
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    with _contact():
        _distributed().init_process_group(backend, timeout=PATIENCE)
    world = current()
    if not world.leads:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for good
        logging.getLogger("fewshot_bench").setLevel(logging.ERROR)
    return world


def add_gradients(world: World, tensors: Iterable["Tensor"], weight: float) -> None:
    """Replace the gradient of each tensor by the weighted sum over all processes.

    Args:
        world: who shares.
        tensors: the same in each process, in the same order; those without a gradient count as 0,
            and keep none if no process has one.
        weight: of this process.
    """
    import torch

    learned = [value for value in tensors if value.requires_grad]
    if world.size == 1 or not learned:
        return
    grads = [torch.zeros_like(p) if p.grad is None else weight * p.grad for p in learned]
    there = grads[0].new_tensor([float(p.grad is not None) for p in learned])
    flat = world.add(torch.cat([there, *(grad.flatten() for grad in grads)]))
    counts, *sums = torch.split(flat, [len(learned), *(grad.numel() for grad in grads)])
    for value, total, count in zip(learned, sums, counts.tolist(), strict=True):
        value.grad = total.view_as(value).clone() if count else None


def in_turns(shares: Sequence[Sequence[T]]) -> list[T]:
    """What processes took by :attr:`World.share`, in the order that it was in before.

    >>> in_turns([[0, 2, 4], [1, 3]])
    [0, 1, 2, 3, 4]
    """
    rounds = itertools.zip_longest(*shares, fillvalue=_NOTHING)
    return [item for one in rounds for item in one if item is not _NOTHING]


@contextlib.contextmanager
def _contact() -> Iterator[None]:
    """Say in one line that the connection to another process broke."""
    try:
        yield
    except RuntimeError as error:
        raise LostProcessError(
            "another process of this run has ended; the same command goes on from the last state"
        ) from error


def _distributed() -> Any:
    import torch.distributed

    return torch.distributed
