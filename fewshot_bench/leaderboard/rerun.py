"""Is a stored result what comes out when its models are run again? The judgement, and its file.

``reruns.csv`` beside the results has a line for each row that somebody ran again. A verdict is
about the very results that stood there then, so it goes where one of them goes.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.config import RunConfig
from fewshot_bench.errors import ConfigError, DataError, ResultError
from fewshot_bench.evaluation.arrays import queries
from fewshot_bench.evaluation.document import Document
from fewshot_bench.evaluation.result import Result
from fewshot_bench.files import write_atomic
from fewshot_bench.leaderboard.checks.settings import config_of
from fewshot_bench.leaderboard.measured import ID_DIGITS, Stored, row_id
from fewshot_bench.reading import read_text
from fewshot_bench.stats.distributions import t_quantile

Floats = NDArray[np.float64]

RERUNS = "reruns.csv"
AGREES, CONTRADICTED = "agrees", "contradicted"
COLUMNS = ("row", "verdict", "weights", "episodes", "equal", "difference", "margin", "results")
LEVEL = 0.999  # of a margin: an honest row is contradicted once in a thousand times
LEAST_EQUAL = 0.95  # predictions of the same weights on two machines, whose roundings differ
SPREAD = 0.02  # standard deviation of training seeds, where a row has one only
# Facts about a machine, all equal where the same weights give the same predictions.
_MACHINE = ("cpu", "cuda", "cudnn", "deterministic", "dtype", "gpu", "numpy", "threads", "torch")


@dataclass(frozen=True)
class Again:
    """One stored result, and what came out when it was run again.

    Attributes:
        stored: cut to the episodes that were run.
        measured: the same episodes, now.
    """

    stored: Result
    measured: Result

    @property
    def same_weights(self) -> bool:
        """Whether the measured model is the stored one, number by number."""
        mine, theirs = (r.document.checkpoint.sha256 for r in (self.stored, self.measured))
        return mine == theirs

    @property
    def same_machine(self) -> bool:
        """Whether everything that rounding depends on is the same."""
        mine, theirs = (result.document.env for result in (self.stored, self.measured))
        return all(mine.get(name) == theirs.get(name) for name in _MACHINE)

    @property
    def equal(self) -> float:
        """Share of equal predictions."""
        mine, theirs = (queries(result.columns).pred for result in (self.stored, self.measured))
        return float((mine == theirs).mean())


@dataclass(frozen=True)
class Rerun:
    """The verdict on a row.

    Attributes:
        row: its id.
        verdict: ``agrees`` or ``contradicted``.
        weights: ``stored``, or ``anew`` where some model had to be trained again.
        episodes: how many of each seed.
        equal: share of equal predictions, of the seed that has least.
        difference: mean accuracy now minus as stored.
        margin: what chance alone does to it; 0 where predictions must be equal.
        results: ids of the stored results, shortened.
    """

    row: str
    verdict: str
    weights: str
    episodes: int
    equal: float
    difference: float
    margin: float
    results: tuple[str, ...]

    @property
    def words(self) -> str:
        """The verdict in one line."""
        how = "stored weights" if self.weights == "stored" else "trained anew"
        said = "agrees" if self.verdict == AGREES else "contradicts"
        margin = f" (chance: {100 * self.margin:.2f})" if self.margin else ""
        return (
            f"{said}: {how}, {self.episodes} episodes, {100 * self.equal:.2f} % equal predictions,"
            f" difference {100 * self.difference:+.2f} points{margin}"
        )


def cut(stored: Result, measured: Result) -> Again:
    """Both on the episodes that they have in common, which must be the same.

    Raises:
        ResultError: the episodes or the images are others.
    """
    n = min(len(stored.accuracy), len(measured.accuracy))
    mine, theirs = stored.first(n), measured.first(n)
    if not np.array_equal(mine.columns["episode_hash"], theirs.columns["episode_hash"]):
        raise ResultError(
            "the episodes are others than those of the stored result: the images here have another"
            " fingerprint; prepare those that datasets.csv names"
        )
    return Again(mine, theirs)


def judge_rerun(row: str, pairs: Sequence[Again]) -> Rerun:
    """Compare the seeds of a row, by its id, with what came out again.

    * The stored weights on a machine like that of the result give the same predictions, all of
      them.
    * On another machine rounding differs: at least 95 % of the predictions are equal, and the
      difference of accuracies lies within its paired interval at 99.9 %.
    * Models that were trained anew are other draws of the method. Their difference has the variance
      of the episodes, as of any pair, and that of two trainings, estimated from the stored seeds
      (two points where there is one seed).
    """
    first = pairs[0].stored
    same = all(pair.same_weights for pair in pairs)
    exact = same and all(pair.same_machine for pair in pairs)
    differences = np.mean([p.measured.accuracy - p.stored.accuracy for p in pairs], axis=0)
    difference, equal = float(differences.mean()), min(pair.equal for pair in pairs)
    margin = 0.0 if exact else _margin(differences, [] if same else pairs)
    if exact:
        agrees = equal == 1
    else:
        agrees = abs(difference) <= margin and (equal >= LEAST_EQUAL or not same)
    return Rerun(
        row=row,
        verdict=AGREES if agrees else CONTRADICTED,
        weights="stored" if same else "anew",
        episodes=len(first.accuracy),
        equal=round(equal, 6),
        difference=round(difference, 6),
        margin=round(margin, 6),
        results=tuple(pair.stored.document.result_id[:ID_DIGITS] for pair in pairs),
    )


def _margin(differences: Floats, anew: Sequence[Again]) -> float:
    """Half-width of the interval of the mean difference, with the spread of new trainings."""
    n = len(differences)
    variance = float(differences.var(ddof=1)) / n if n > 1 else 1.0
    df = n - 1.0
    if anew:
        means = [float(pair.stored.accuracy.mean()) for pair in anew]
        spread = SPREAD if len(means) == 1 else float(np.std(means, ddof=1))
        df = df if len(means) == 1 else len(means) - 1.0
        variance += 2 * spread**2 / len(means)
    return t_quantile(LEVEL, max(df, 1.0)) * math.sqrt(variance)


def config_again(document: Document, episodes: int) -> RunConfig:
    """The configuration of a stored result, for its first episodes.

    Raises:
        ConfigError: this suite did not train it, so it can't be run from its files.
    """
    config = config_of(document)
    if config is None:
        raise ConfigError(
            f"{document.method.id} was not trained by this suite, so its files don't tell how to"
            " run it again"
        )
    fewer = {"episodes": min(episodes, document.protocol.T), "until_half_width": None}
    evaluate = config.evaluate.model_copy(update=fewer)
    return config.model_copy(update={"evaluate": evaluate})


def find_row(stored: Stored, name: str) -> tuple[Result, ...]:
    """The results of a row by its id, or by the beginning of the id of one of its results.

    Raises:
        ConfigError: there is none, or more than one.
    """
    found = [
        results
        for row, results in stored.rows.items()
        if row == name or any(r.document.result_id.startswith(name) for r in results)
    ]
    if len(found) != 1 or not name:
        many = f"{len(found)} rows begin with" if found else "there is no row or result"
        raise ConfigError(f"{many} {name!r}; ids of results stand in fsbench results list")
    return found[0]


def read_reruns(root: Path) -> dict[str, Rerun]:
    """Row -> verdict; {} without the file. Raises DataError if it is damaged."""
    path = root / RERUNS
    if not path.exists():
        return {}
    try:
        lines = csv.DictReader(io.StringIO(read_text(path)))
        if tuple(lines.fieldnames or ()) != COLUMNS:
            raise DataError(f"{path} must have the columns {', '.join(COLUMNS)}")
        return {rerun.row: rerun for rerun in map(_rerun, lines)}
    except (ValueError, TypeError, KeyError, AttributeError, csv.Error, OSError) as error:
        raise DataError(f"{path} is damaged: {error}") from error


def _rerun(line: Mapping[str, str]) -> Rerun:
    if line["verdict"] not in (AGREES, CONTRADICTED):
        raise ValueError(f"{line['verdict']!r} is no verdict")
    return Rerun(
        row=line["row"],
        verdict=line["verdict"],
        weights=line["weights"],
        episodes=int(line["episodes"]),
        equal=float(line["equal"]),
        difference=float(line["difference"]),
        margin=float(line["margin"]),
        results=tuple(line["results"].split()),
    )


def remember_rerun(root: Path, rerun: Rerun) -> None:
    """Write a verdict beside the results, in place of an earlier one on the same row."""
    known = {**read_reruns(root), rerun.row: rerun}
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for _, one in sorted(known.items()):
        told = {**vars(one), "results": " ".join(one.results)}
        writer.writerow([told[name] for name in COLUMNS])
    write_atomic(root / RERUNS, file.getvalue().encode())


def verdict_on(results: Sequence[Result], reruns: Mapping[str, Rerun]) -> str:
    """What a rerun says of the results of a row; "" if nobody ran them, all of these, again."""
    rerun = reruns.get(row_id(results[0]))
    ids = {result.document.result_id[:ID_DIGITS] for result in results}
    return rerun.verdict if rerun is not None and ids <= set(rerun.results) else ""
