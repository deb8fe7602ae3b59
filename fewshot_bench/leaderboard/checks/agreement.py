"""How much the errors of two models agree, and how much those of models trained apart can.

**Statistic.** Let A and B be the sets of errors of two results on the same queries: pairs of a
query and the wrong class that was predicted. Their Jaccard index (Jaccard 1912)

    J = |A and B| / |A or B|

is 1 for a copy and 1 - J is a metric. Unlike the share of equal predictions it does not grow with
the accuracy: two models that are right on 98 of 100 queries agree on 96 by chance, but their few
errors are their own. A copy of which a share e of the predictions was changed at random has
J = w(1 - e) / (w + (1 - w) e) or so, where w is the share of wrong predictions.

**Null hypothesis.** Models that were trained apart, from other initial weights and in another
order of images, share errors only as far as queries are hard for everybody. How far is a question
of facts, not of arithmetic: from the accuracies alone any index up to 1 were possible. Of the 237
pairs of seeds of one row on the board of this repository (28 methods, accuracies from 0.32 to
0.96) none had an index above 0.50, half of them below 0.39. ``APART`` lies well above; it is that
of a copy of which every tenth prediction was changed. Models that share a start, or a whole
embedding under two classifiers, agree more: up to 0.82 there (two ways to scale one embedding).
``RELATED`` lies well above that.

**Test.** H0: J <= limit in the population of episodes. Episodes are the units, since the queries of
one share its support set: J is a ratio of sums over episodes, whose variance follows by the delta
method (Cochran 1977, Sampling Techniques, section 2.11) and gives the design effect (Kish 1965).
The lower limit is Wilson's (1927) for as many errors as the design effect leaves; unlike J minus
some deviations it is below 1 for a few errors that all agree. A pair is taken for a copy if the
lower limit is above J's bound, each at a level of one in a million: among 1,000 honest results on
the same episodes, half a million pairs, there is a false alarm with probability below 1/2 even if
all of them sat on the bound, and none did by far.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.evaluation.arrays import Queries, queries
from fewshot_bench.evaluation.result import Result
from fewshot_bench.stats.distributions import z_quantile

APART, RELATED = 0.7, 0.93  # largest index of errors that honest models have, see above
LEVEL = 1e-6
FEW_EPISODES, NEAR = 40, 0.2  # a first look: at so many episodes, and at all that comes so near

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Agreement:
    """How far the errors of two results agree.

    Attributes:
        index: Jaccard's, in [0, 1]; 0 without errors.
        low: lower confidence limit, one-sided at :data:`LEVEL`.
    """

    index: float
    low: float


NONE = Agreement(0.0, 0.0)


def agreement(one: Result, other: Result) -> Agreement:
    """Of all episodes that two results on one list have in common."""
    n = min(len(one.accuracy), len(other.accuracy))
    mine, theirs = (queries(result.first(n).columns) for result in (one, other))
    if mine.pred.shape != theirs.pred.shape:
        return NONE  # not the same queries, as one of the two says of itself elsewhere
    return index_of(*shared_errors(mine, theirs, n))


def shared_errors(mine: Queries, theirs: Queries, episodes: int) -> tuple[Ints, Ints]:
    """int64 (T,) each: errors of an episode that both make, and that at least one makes."""
    wrong, other = mine.pred != mine.label, theirs.pred != theirs.label
    both = wrong & other & (mine.pred == theirs.pred)
    made = wrong.astype(np.int64) + other - both
    sums = (np.bincount(mine.episode, counts, episodes) for counts in (both, made))
    shared, union = (values.astype(np.int64) for values in sums)
    return shared, union


def index_of(shared: Ints, union: Ints) -> Agreement:
    """The index and its lower limit from the errors of each episode."""
    total, n = int(union.sum()), len(union)
    if total == 0:
        return NONE
    index = float(shared.sum() / total)
    residual = shared - index * union
    variance = n / max(n - 1, 1) * float((residual**2).sum()) / total**2
    plain = index * (1 - index) / total
    effect = max(1.0, variance / plain) if plain > 0 else 1.0
    return Agreement(index, _wilson(index, total / effect))


def _wilson(share: float, n: float) -> float:
    """Lower limit of a share that was found among n."""
    z = z_quantile(1 - LEVEL)
    middle = share + z**2 / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, (middle - spread) / (1 + z**2 / n))


def near(results: Sequence[Result], limit: float) -> Iterator[tuple[int, int]]:
    """Pairs among results on one list whose first episodes agree nearly as much as a limit.

    Of 2,000 results there are two million pairs; this looks at all of them in seconds.
    """
    n = min(FEW_EPISODES, *(len(result.accuracy) for result in results))
    asked = [queries(result.first(n).columns) for result in results]
    if len({one.pred.shape for one in asked}) > 1:
        return  # not the same queries
    pred, label = np.stack([one.pred for one in asked]), asked[0].label
    wrong = pred != label
    errors = wrong.sum(axis=1)
    shared = np.zeros((len(results), len(results)), dtype=np.float32)
    for value in range(int(pred.max()) + 1):
        made = (wrong & (pred == value)).astype(np.float32)
        shared += made @ made.T
    for i, j in itertools.combinations(range(len(results)), 2):
        union = errors[i] + errors[j] - shared[i, j]
        if union and shared[i, j] >= (limit - NEAR) * union:
            yield i, j
