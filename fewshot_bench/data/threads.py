"""A map over threads that keeps the order and holds only a few results at a time."""

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 4  # items in flight for each thread


def ordered_map(
    work: Callable[[T], R], items: Iterable[T], pool: Executor, ahead: int
) -> Iterator[R]:
    """Yield ``work(item)`` in the order of the items.

    Args:
        work: called in the threads of the pool.
        items: consumed lazily, at most ``ahead`` in front of what was yielded.
        pool: where the work is done.
        ahead: items in flight, at least 1.
    """
    source = iter(items)
    waiting: collections.deque[Future[R]] = collections.deque()
    try:
        for item in itertools.islice(source, ahead):
            waiting.append(pool.submit(work, item))
        while waiting:
            done = waiting.popleft().result()
            waiting.extend(pool.submit(work, item) for item in itertools.islice(source, 1))
            yield done
    finally:
        for future in waiting:
            future.cancel()


def map_in_chunks(
    work: Callable[[T], R], items: Sequence[T], pool: Executor, jobs: int, most: int
) -> Iterator[R]:
    """The same for items that are quick work: a few of them are handed over together.

    Args:
        work: called in the threads of the pool.
        items: all of them.
        pool: where the work is done.
        jobs: threads of the pool.
        most: items that are handed over together, 1 or more.
    """
    size = max(1, min(most, len(items) // (2 * jobs)))
    chunks = (items[start : start + size] for start in range(0, len(items), size))
    ahead = max(2 * jobs, AHEAD * jobs // size)
    for done in ordered_map(lambda chunk: [work(item) for item in chunk], chunks, pool, ahead):
        yield from done
