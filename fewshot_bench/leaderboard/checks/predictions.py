"""Checks of counts, summary, failures and losses against the predictions.

The losses of an episode bound its predictions, because a prediction is the class of the largest
probability. Let a query have probability ``a`` of its true class, of ``w`` classes. Then

* a wrong one has ``a <= 1/2``, so its negative log-likelihood is at least ``ln 2``; its Brier score
  is smallest where two classes share all probability, 1/2;
* a right one has ``a >= 1/w``, so its log-likelihood is at least ``-ln w``; the Brier score is
  convex in the probabilities, so it is largest at a corner of ``{p: a >= p_j}``, where some m
  classes share all alike: ``1 - 1/m <= 1 - 1/w``;
* no Brier score is above 2, nor above ``2 (1 - a)^2``, where one other class has all the rest. So
  it is at most ``sup 2 (1 - a)^2 / -ln a = 0.8146...`` times the negative log-likelihood.

All of them are linear, so they hold of the means over an episode.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.evaluation.arrays import Columns, is_ragged, queries
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.result import Result

TOLERANCE = 1e-12
ROUNDING = 1e-6  # of means of logarithms
BRIER_PER_NAT = 0.8147  # see above, rounded up
MANY = 100  # episodes, for a correlation that means something
# Of accuracy and Brier score over episodes; it was -0.72 or less in each of 237 results of 30
# methods, and would be 0 if the two had nothing to do with each other.
CORRELATION = -0.3

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def counts(result: Result) -> Iterator[str]:
    """The numbers of correct and of all queries follow from the predictions."""
    columns, asked = result.columns, queries(result.columns)
    right = np.bincount(asked.episode, asked.pred == asked.label, len(result.accuracy)).astype(int)
    differs = np.flatnonzero(right != columns["n_correct"])
    if len(differs):
        t = differs[0]
        yield (
            f"episode {t} counts {columns['n_correct'][t]} correct queries, but its predictions"
            f" have {right[t]}"
        )
    if (columns["n_query"] != np.bincount(asked.episode, minlength=len(right))).any():
        yield "n_query is not the number of queries in every episode"


def summary(result: Result) -> Iterator[str]:
    """The summary follows from the episodes, to 1e-12."""
    said = result.document.summary
    stated = said.interval
    interval = interval_of([result], "closed", stated.level)
    pairs = {
        "accuracy": (said.accuracy, interval.mean),
        "lower limit": (stated.low, interval.low),
        "upper limit": (stated.high, interval.high),
    }
    for name, (value, true) in pairs.items():
        if value is None or not abs(value - true) <= TOLERANCE:
            yield f"its summary gives the {name} as {value}, its episodes as {true}"
    if len(result.accuracy) != said.T:
        yield f"it says {said.T} episodes and holds {len(result.accuracy)}"


def failures(result: Result) -> Iterator[str]:
    """Episodes that failed are those, and only those, whose predictions stand for a failure.

    Of such an episode every query is predicted one class further on than the right one, with equal
    probabilities for all classes.
    """
    listed, found = result.document.failures, _look_failed(result.columns)
    if listed != sorted(set(listed)) or any(not 0 <= t < len(found) for t in listed):
        yield "failures is not a list of its episodes in their order"
        return
    said = np.zeros(len(found), dtype=bool)
    said[listed] = True
    if (wrong := np.flatnonzero(said & ~found)).size:
        yield f"episode {wrong[0]} is listed as failed, but its predictions are not those of one"
    if (hidden := np.flatnonzero(found & ~said)).size:
        yield f"episode {hidden[0]} failed by its predictions, but is not listed"


def losses(result: Result) -> Iterator[str]:
    """Log-likelihood and Brier score are possible beside the predictions, see above."""
    columns = result.columns
    wrong, way = 1 - result.accuracy, _ways(columns).astype(float)
    nll, brier = columns["nll"].astype(float), columns["brier"].astype(float)
    impossible: Mapping[str, Bools] = {
        "nll is too small for its wrong predictions": nll < wrong * np.log(2) - ROUNDING,
        "nll is too large for predictions that are all right": (wrong == 0)
        & (nll > np.log(way) + ROUNDING),
        "brier is too small for its wrong predictions": brier < wrong / 2 - ROUNDING,
        "brier is too large for its right predictions": brier
        > (1 - wrong) * (1 - 1 / way) + 2 * wrong + ROUNDING,
        "brier is too large beside nll": brier > BRIER_PER_NAT * nll + ROUNDING,
    }
    for words, where in impossible.items():
        if where.any():
            yield f"episode {np.flatnonzero(where)[0]}: {words}"
            return
    if _unrelated(result.accuracy, brier):
        yield "its Brier scores do not go with the accuracy of its episodes"


def _unrelated(accuracy: Floats, brier: Floats) -> bool:
    """Whether episodes of high accuracy do not have low Brier scores, in many of them."""
    if len(accuracy) < MANY or min(np.ptp(accuracy), np.ptp(brier)) < ROUNDING:
        return False
    return float(np.corrcoef(accuracy, brier)[0, 1]) > CORRELATION


def _ways(columns: Columns) -> NDArray[np.int64]:
    """int64 (T,): classes of each episode."""
    if is_ragged(columns):
        return columns["n_way"].astype(np.int64)
    return np.full(len(columns["pred"]), columns["pred"].shape[1])


def _look_failed(columns: Columns) -> Bools:
    """bool (T,): which episodes are recorded as failures are."""
    asked, way = queries(columns), _ways(columns)
    further = asked.pred == (asked.label + 1) % way[asked.episode]
    all_further = np.bincount(asked.episode, ~further, len(way)) == 0
    level = np.abs(columns["nll"] - np.log(way)) < ROUNDING
    found: Bools = all_further & level
    return found
