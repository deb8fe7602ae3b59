"""Published rows as configurations, and the judgement whether a run reproduced one.

``reproductions/<method>-<benchmark>.toml`` holds common settings and a ``[[rows]]`` entry for each
published number: settings of its own, and under ``[rows.published]`` the number and its source.
Settings are complete: the quick recipes of ``fsbench evaluate`` play no part.
"""

import importlib.resources
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fewshot_bench.config import RunConfig, Table, merge_tables, resolve, validated
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.result import Result
from fewshot_bench.stats import Interval, min_detectable_effect
from fewshot_bench.stats.distributions import t_quantile, z_quantile

LEVEL = 0.95


class Published(BaseModel):
    """A number of a paper or repository, in percent as printed there.

    Attributes:
        method: its name in ``published.csv``.
        backbone: its name there.
        accuracy_percent: mean.
        half_width_percent: of its interval, None where none was given.
        interval: ``ci95``; ``unknown`` is read as a 95 % interval, since numbers of that size
            are; "" for none.
        source: arXiv id or repository.
        where: table or file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    backbone: str
    accuracy_percent: float = Field(gt=0, lt=100)
    half_width_percent: float | None = Field(None, gt=0, lt=20)
    interval: Literal["ci95", "unknown", ""]
    source: str = Field(min_length=1)
    where: str = ""


@dataclass(frozen=True)
class Reproduction:
    """A row that can be run.

    Attributes:
        name: ``<method>-<benchmark>-<backbone>-<shot>shot``.
        settings: of the run, see :class:`fewshot_bench.config.RunConfig`.
        published: what should come out.
    """

    name: str
    settings: Table
    published: Published

    def config(self, overrides: Table | None = None) -> RunConfig:
        """The run; raises ConfigError for settings that are unknown or out of range."""
        return resolve(merge_tables(self.settings, overrides or {}), base={})


@dataclass(frozen=True)
class Verdict:
    """How a measured accuracy and a published one compare; all numbers are fractions.

    Attributes:
        measured: with its interval.
        published: mean.
        difference: measured minus published.
        margin: half-width of the 95 % interval of the difference.
        detectable: true difference that this comparison would find with 80 % power.
    """

    measured: Interval
    published: float
    difference: float
    margin: float
    detectable: float

    @property
    def inside(self) -> bool:
        """Whether chance alone may explain the difference."""
        return abs(self.difference) <= self.margin


def judge(results: Sequence[Result], published: Published) -> Verdict:
    """Compare results of one or more training seeds with a published number.

    The variances of both sides are added; degrees of freedom after Welch and Satterthwaite, with
    infinitely many on the published side. A number without interval counts as exact, so that the
    margin is then our own uncertainty only.
    """
    measured = interval_of(results, "closed", LEVEL)
    ours = (measured.half_width / t_quantile(LEVEL, measured.df)) ** 2
    theirs = ((published.half_width_percent or 0.0) / 100 / z_quantile(0.5 + LEVEL / 2)) ** 2
    total = ours + theirs
    # All uncertainty on the published side, where degrees of freedom are unknown, is normal.
    df = measured.df * (total / ours) ** 2 if ours > 0 else math.inf
    quantile = t_quantile(LEVEL, df) if ours > 0 else z_quantile(0.5 + LEVEL / 2)
    mean = published.accuracy_percent / 100
    return Verdict(
        measured=measured,
        published=mean,
        difference=measured.mean - mean,
        margin=quantile * math.sqrt(total),
        detectable=min_detectable_effect(math.sqrt(total), 1, LEVEL, df=df),
    )


def reproductions() -> dict[str, Reproduction]:
    """All rows that ship with the package, by name."""
    found: dict[str, Reproduction] = {}
    folder = importlib.resources.files(__package__) / "reproductions"
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            table = tomllib.loads(file.read_text(encoding="utf-8"))
            for row in table.pop("rows"):
                one = _reproduction(merge_tables(table, row))
                if one.name in found:
                    raise ConfigError(f"{file.name} and another file both have {one.name}")
                found[one.name] = one
    return found


def reproduction(name: str) -> Reproduction:
    """One row by name; raises ConfigError with the closest names if there is none."""
    import difflib

    known = reproductions()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(close)}?" if close else "see fsbench reproduce --list"
    raise ConfigError(f"there is no row {name!r} to reproduce; {hint}")


def _reproduction(table: dict[str, Any]) -> Reproduction:
    published = validated(Published, table.pop("published"))
    parts = (table["method"], table["benchmark"], table["backbone"])
    return Reproduction("-".join(parts) + f"-{table['task']['n_shot']}shot", table, published)
