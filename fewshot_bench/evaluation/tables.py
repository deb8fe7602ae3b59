"""Results and comparisons as pandas tables (fractions), and as text (percent)."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from tabulate import tabulate

from fewshot_bench.evaluation.numbers import p_value, points, ranks_text
from fewshot_bench.stats import Interval

if TYPE_CHECKING:
    from fewshot_bench.evaluation.compare import Comparison
    from fewshot_bench.evaluation.result import Result

ABOUT = {
    "closed": "these trained models on this pool of images (closed)",
    "method": "the methods, trained again with other seeds (method)",
}


def results_table(results: "Sequence[Result]") -> pd.DataFrame:
    """One row per result: what it is of, and its accuracy, a fraction."""
    rows = [
        {
            "result": result.document.result_id[:12],
            "method": result.document.method.id,
            "backbone": result.document.method.config.backbone,
            "benchmark": result.document.dataset.id,
            "protocol": result.document.protocol.id,
            "seed": result.document.checkpoint.training_seed,
            "episodes": len(result.accuracy),
            "accuracy": float(result.accuracy.mean()),
        }
        for result in results
    ]
    return pd.DataFrame(rows)


def intervals_table(named: Mapping[str, Interval]) -> pd.DataFrame:
    """One row per interval: ``name`` and what :class:`fewshot_bench.stats.Interval` holds."""
    return pd.DataFrame([{"name": name, **dataclasses.asdict(i)} for name, i in named.items()])


def methods_table(comparison: "Comparison") -> pd.DataFrame:
    """One row per entrant, best first: mean and limits, ``rank_set``, ``learned_from``."""
    rows = [
        {"name": name, **_limits(interval), "rank_set": list(ranks), "learned_from": learned}
        for name, interval, ranks, learned in _entrants(comparison)
    ]
    return pd.DataFrame(rows)


def pairs_table(comparison: "Comparison") -> pd.DataFrame:
    """One row per pair, ``a`` minus ``b``: mean and limits, p values, effect, detectable effect."""
    rows = [
        {
            "a": pair.a,
            "b": pair.b,
            **_limits(pair.difference),
            "p": pair.p,
            "p_holm": pair.p_holm,
            "d_z": pair.effect,
            "mde80": pair.mde80,
        }
        for pair in comparison.pairs
    ]
    return pd.DataFrame(rows)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows for JSON; None where a number is not known or not finite."""
    finite = table.replace([math.inf, -math.inf], math.nan)
    known = finite.astype(object).where(finite.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in known.to_dict("records")]


def methods_text(comparison: "Comparison", form: str) -> str:
    """Accuracies in percent, in a form that ``tabulate`` knows."""
    first = comparison.intervals[0]
    head = ("method", "accuracy %", f"{100 * first.level:g}% {first.estimand} interval", "rank set")
    rows = [
        (
            name,
            points(one.mean),
            f"{points(one.low)} to {points(one.high)}",
            ranks_text(ranks),
            learned,
        )
        for name, one, ranks, learned in _entrants(comparison)
    ]
    if any(comparison.learned):  # then each kind is ranked by itself
        return as_text(rows, (*head, "learned from"), form)
    return as_text([row[:-1] for row in rows], head, form)


def pairs_text(comparison: "Comparison", form: str) -> str:
    """Differences in points, in a form that ``tabulate`` knows."""
    head = ("difference", "points", "interval", "p (Holm)", "d_z", "detectable")
    rows = [
        (
            f"{pair.a} - {pair.b}",
            points(pair.difference.mean, signed=True),
            f"{points(pair.difference.low, signed=True)} to"
            f" {points(pair.difference.high, signed=True)}",
            p_value(pair.p_holm),
            "" if pd.isna(pair.effect) else f"{pair.effect:+.2f}",
            points(pair.mde80),
        )
        for pair in comparison.pairs
    ]
    return as_text(rows, head, form)


def as_text(rows: Sequence[Sequence[Any]], head: Sequence[str], form: str = "simple") -> str:
    """A table as it stands: what looks like a number is not written anew."""
    return tabulate(rows, head, tablefmt=form, disable_numparse=True)


def _entrants(comparison: "Comparison") -> Iterator[tuple[str, Interval, tuple[int, int], str]]:
    learned = comparison.learned or ("",) * len(comparison.names)
    return zip(comparison.names, comparison.intervals, comparison.ranks, learned, strict=True)


def _limits(interval: Interval) -> dict[str, Any]:
    return {
        "mean": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "estimand": interval.estimand,
        "flags": list(interval.flags),
    }
