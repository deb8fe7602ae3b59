"""All checks of stored results, in the order in which they are made.

A new one is a function from what is checked to one line for each thing that is wrong, in one of the
files beside this one, and an entry here; the forgery that it finds goes into
``tests/leaderboard/forgeries.py``, and its name into the table of docs/leaderboard.md. A check
takes for granted that those before it hold, but must not fail where they don't.

Checks of single results stand before those of the seeds of one row. What needs all results of a
board is in :mod:`fewshot_bench.leaderboard.checks.board`.
"""

from collections.abc import Sequence

from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.checks import (
    classes,
    configuration,
    copies,
    episodes,
    method,
    names,
    predictions,
    seeds,
    training,
)
from fewshot_bench.leaderboard.checks.base import Check

OF_RESULT: tuple[Check[Result], ...] = (
    Check("protocol", "other classes, lists or shapes of episodes", episodes.protocol),
    Check("episodes", "episodes that do not follow from their seed, or few", episodes.episodes),
    Check("prefixes", "digests of the beginnings of another list", episodes.prefixes),
    Check("counts", "counts that the predictions do not have", predictions.counts),
    Check("summary", "a mean or limits that the episodes do not have", predictions.summary),
    Check("failures", "failures that were hidden or made up", predictions.failures),
    Check("losses", "losses that the predictions can't have", predictions.losses),
    Check("repeated", "episodes whose predictions are those of others", copies.repeated),
    Check("names", "names that look like registered ones", names.names),
    Check("hashes", "a configuration or seed that was altered", configuration.hashes),
    Check("options", "settings and options that there are not", method.options),
    Check("setting", "a setting that the method does not have", method.setting),
    Check("told counts", "counts that a method was told in silence", method.told),
    Check("parameters", "another number of parameters", method.parameters),
    Check("external data", "weights from elsewhere, or their denial", method.external),
    Check("code", "a method that nobody can find", method.code),
    Check("configuration", "settings of another measurement", configuration.configuration),
    Check("images", "preprocessing that can't be", configuration.images),
    Check("selection", "a model selected by test classes, or at no validation", training.selection),
    Check("stages", "stages of training that the configuration has not", training.chain),
    Check("training", "a training that the method has not, or needs", training.trains),
    Check("curve", "another length of training than the learning curve's", training.curve),
    Check("tuning", "settings tuned by test classes, or candidates not counted", training.tuning),
    Check("seed group", "seeds that are not told", training.group),
    Check("test classes", "names and hashes of other classes", classes.tested),
    Check("official classes", "classes of another split", classes.official),
    Check("training classes", "test classes that were trained on", classes.trained),
    Check("training data", "other images than those of the test", classes.training_data),
)

OF_ROW: tuple[Check[Sequence[Result]], ...] = (
    Check("missing seeds", "seeds that were measured and left out", seeds.missing),
    Check("like seeds", "seeds that differ in what they share", seeds.alike),
    Check(
        "copied seeds", "one model or its predictions under several seeds", copies.copies_of_seeds
    ),
)
