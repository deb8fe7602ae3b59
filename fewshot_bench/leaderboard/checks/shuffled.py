"""Predictions that were taken from another episode: of another result, or of the same one.

Whoever has one list of honest predictions may put them under the episodes of another seed or
method in another order. Then the errors of an episode are, place by place, those of some other
episode, which the index of :mod:`fewshot_bench.leaderboard.checks.agreement` between *different*
episodes shows. An error is here a place in the episode and how many classes further on the
prediction lies.

**Null distribution.** Queries of a class are drawn in random order, so their order within the
classes of two different episodes is independent and uniform: the statistic, how many of some
episodes have a twin, has the same distribution after the queries of each class were put into
another random order. That is an exact permutation test, which also holds for models that predict
one class whatever they are shown, whose episodes all look alike. A pair of results is taken for
shuffled if at least half of the episodes have a twin and not a quarter have one in any of
:data:`ORDERS` random orders. For honest results the first alone never happens: of the best of 1,000
other episodes the index is 0.2 or so.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.evaluation.arrays import is_ragged
from fewshot_bench.evaluation.result import Result

LOOKED_AT = 48  # episodes whose twins are looked for,
FIRST_LOOK = 8  # and so many to begin with
LIKE = 0.7  # index of two episodes that are twins
ERRORS = 4  # of an episode that can have one: fewer agree by chance
ORDERS = 99
ENOUGH = 12  # episodes that have errors enough, for the question to be asked
NEAR = 0.03  # difference of accuracies beyond which none is a shuffled copy of the other

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


def shuffled(one: Result, other: Result) -> bool:
    """Whether predictions of one result lie under other episodes of the second, or of itself.

    Results on episodes of unequal shape are not looked at: there another episode has other labels.
    """
    if not _comparable(one, other):
        return False
    mine, theirs = further(one), _errors(further(other))
    if not _suspicious(mine, theirs):
        return False
    looked = _looked_at(mine, LOOKED_AT)
    if len(looked) < ENOUGH or 2 * _twins(mine, looked, theirs) < len(looked):
        return False
    rng = np.random.default_rng(0)
    chance = (_twins(rng.permuted(mine, axis=2), looked, theirs) for _ in range(ORDERS))
    return 4 * max(chance) < len(looked)


def suspects(results: Sequence[Result]) -> Iterator[tuple[int, int]]:
    """Pairs among results on one list, each also with itself, that :func:`shuffled` may find.

    The second one of a pair is made ready once for all the first ones.
    """
    ready = [None if is_ragged(result.columns) else further(result) for result in results]
    for j, second in enumerate(ready):
        theirs = None if second is None else _errors(second)
        for i, first in enumerate(ready[: j + 1]):
            if first is None or theirs is None or not _comparable(results[i], results[j]):
                continue
            if _suspicious(first, theirs):
                yield i, j


def _comparable(one: Result, other: Result) -> bool:
    if is_ragged(one.columns) or is_ragged(other.columns):
        return False
    if one.columns["pred"].shape[1:] != other.columns["pred"].shape[1:]:
        return False
    return bool(abs(one.accuracy.mean() - other.accuracy.mean()) <= NEAR)


def _suspicious(mine: Bytes, theirs: Floats) -> bool:
    """Whether a few episodes have twins, for which it is worth while to look at more."""
    looked = _looked_at(mine, FIRST_LOOK)
    return 4 * _twins(mine, looked, theirs) >= len(looked) > 0


def _looked_at(mine: Bytes, count: int) -> NDArray[np.int64]:
    """Some episodes, evenly spread, as far as they have errors enough."""
    spread = np.linspace(0, len(mine) - 1, min(count, len(mine))).astype(np.int64)
    chosen: NDArray[np.int64] = spread[(mine[spread] > 0).sum(axis=(1, 2)) >= ERRORS]
    return chosen


def further(result: Result) -> Bytes:
    """uint8 (T, way, query): how many classes a prediction lies beyond the right one."""
    pred = result.columns["pred"]
    way = pred.shape[1]
    beyond = pred.astype(np.int16) - np.arange(way, dtype=np.int16)[:, None]
    return np.where(beyond < 0, beyond + way, beyond).astype(np.uint8)


def _twins(mine: Bytes, looked: NDArray[np.int64], b: Floats) -> int:
    """How many of the episodes looked at have a twin among the other episodes of the second."""
    if not len(looked):
        return 0
    a = _errors(mine[looked])
    shared = a @ b.T
    union = a.sum(axis=1)[:, None] + b.sum(axis=1)[None] - shared
    index = shared / np.maximum(union, 1)
    rows, columns = np.arange(len(looked)), np.minimum(looked, len(b) - 1)
    index[rows, columns] = 0  # the same episode is another question
    return int((index.max(axis=1) >= LIKE).sum())


def _errors(further: Bytes) -> Floats:
    """float32 (n, places x (way - 1)): one for each error of each episode."""
    flat = further.reshape(len(further), -1)
    parts = [flat == value for value in range(1, further.shape[1])]
    return np.concatenate(parts, axis=1).astype(np.float32)
