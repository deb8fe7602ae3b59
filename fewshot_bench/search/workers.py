"""Processes that compute for a search: one torch thread each, gone when the search is gone."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol, TypeVar

import torch

from fewshot_bench.errors import TrainingError
from fewshot_bench.platform import keep_freed_memory

A = TypeVar("A")
B = TypeVar("B")


class Map(Protocol):
    """Like the built-in ``map``, in the order of the items."""

    def __call__(self, function: Callable[[A], B], items: Iterable[A], /) -> Iterable[B]:
        """Results."""
        ...


@contextlib.contextmanager
def worker_map(jobs: int) -> Iterator[Map]:
    """A map over this many processes; in this one, if there is to be one only.

    Everywhere it is one thread that computes, since sums depend on the number of threads. It
    rounds numbers below 1e-38 to zero: a loss that has stopped teaching makes gradients of such
    numbers, and products of them take many times as long.

    Raises:
        TrainingError: a process was killed.
    """
    with _one_fast_thread():
        if jobs == 1:
            yield map
            return
        # Spawned, since a process that has used torch's threads can't be forked safely.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, context, _begin) as pool:
            try:
                yield pool.map
            except BrokenProcessPool as error:
                raise TrainingError(
                    "a process of the search was ended from outside (is there too little memory?);"
                    " the same command goes on"
                ) from error


@contextlib.contextmanager
def _one_fast_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)


def _begin() -> None:
    """Set up a worker. Ctrl-C ends it at once: nothing is lost that would not be lost anyway."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Otherwise workers of a killed search would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
