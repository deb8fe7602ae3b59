"""One row of the leaderboard from the stored results of one configuration."""

import collections
import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from fewshot_bench.evaluation.document import Document
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.pretraining import pretraining_words
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.board import SHORT, Row
from fewshot_bench.leaderboard.measured import MIN_EPISODES
from fewshot_bench.stats import align_episodes

LEVEL = 0.95
UNEQUAL_BUDGETS = "unequal_budgets"
MIN_SEEDS = 3  # with fewer a row says nothing about its method
MIN_STEPS = 1000  # of training, all stages together; with fewer a row shows that code runs


def measured_row(row_id: str, results: Sequence[Result]) -> Row:
    """Accuracy, interval and facts; rank and pool are found later.

    Args:
        row_id: see :func:`fewshot_bench.leaderboard.measured.row_id`.
        results: one per training seed, on the same list of episodes.
    """
    results = common_episodes(results)
    document = results[0].document
    interval = interval_of(results, "closed", LEVEL)
    known = np.isfinite(interval.half_width)
    method, protocol = document.method, document.protocol
    return Row(
        id=row_id,
        kind="measured",
        method=method.id,
        backbone=method.config.backbone,
        benchmark=document.dataset.id,
        way=protocol.way,
        shot=protocol.shot,
        setting=method.setting,
        accuracy=round(interval.mean, 6),
        low=round(interval.low, 6) if known else None,
        high=round(interval.high, 6) if known else None,
        interval=interval.estimand,
        flags=(*_warnings(results), *interval.flags),
        pre_trained=document.pre_trained or document.learned == "external",
        train_val=False,
        ensemble=False,
        adaptation=method.adaptation,
        seeds=len(results),
        episodes=len(results[0].accuracy),
        time_s=_middle(results, "per_episode_s"),
        train_s=_middle(results, "train_s"),
        memory=_memory(results),
        n_params=document.checkpoint.n_params,
        results=tuple(result.document.result_id for result in results),
        learned=document.learned,
        trained_on=document.learned_words,
        sampler=protocol.sampler.words,
        training=pretraining_words(document),
    )


def with_budget_flags(
    rows: Mapping[str, Row], results: Mapping[str, Sequence[Result]]
) -> dict[str, Row]:
    """Rows flagged ``unequal_budgets`` where those of one board were not tuned alike.

    A board where nothing is known of any tuning stays as it is.
    """
    boards: dict[tuple[object, ...], list[str]] = collections.defaultdict(list)
    for row in rows.values():
        boards[row.benchmark, row.task, row.setting, row.apart].append(row.id)
    flagged = dict(rows)
    for ids in boards.values():
        if len({budget(results[row_id]) for row_id in ids}) > 1:
            for row_id in ids:
                flags = (*rows[row_id].flags, UNEQUAL_BUDGETS)
                flagged[row_id] = dataclasses.replace(rows[row_id], flags=flags)
    return flagged


def budget(results: Sequence[Result]) -> tuple[object, ...] | None:
    """What was spent on the settings of a row; None where nobody wrote it down."""
    tunings = [result.document.checkpoint.tuning for result in results]
    spent = {None if tuning is None else tuning.budget for tuning in tunings}
    return next(iter(spent)) if len(spent) == 1 else ("seeds differ",)


def common_episodes(results: Sequence[Result]) -> tuple[Result, ...]:
    """The results cut to as many episodes as all of them have."""
    hashes = [result.columns["episode_hash"] for result in results]
    n = min(align_episodes(hashes[0], other, 1) for other in hashes)
    return tuple(result.first(n) for result in results)


def _warnings(results: Sequence[Result]) -> tuple[str, ...]:
    documents = [result.document for result in results]
    flags = {
        "single_seed": len(results) == 1,
        "few_episodes": len(results[0].accuracy) < MIN_EPISODES,
        "failures": any(document.failures for document in documents),
        "changed_code": any(document.tool.dirty for document in documents),
        "external_data": any(document.checkpoint.external_data for document in documents),
        "told_counts": any(document.method.told_counts for document in documents),
        SHORT: any(_trained_shortly(document) for document in documents),
    }
    return tuple(flag for flag, raised in flags.items() if raised)


def _trained_shortly(document: Document) -> bool:
    """Whether something was trained here, in fewer steps than :data:`MIN_STEPS`."""
    config = document.method.config.table()
    if config.get("train") is None:
        return False
    if document.schema_version < 3:
        steps = [config["train"], config.get("pretrain") or {}]
    else:
        settings = config.get("stages") or {}
        names = [stage.name for stage in document.checkpoint.stages]
        steps = [settings.get(name) or config["train"] for name in names]
    total = sum(int(stage.get("steps") or 0) for stage in steps)
    return 0 < total < MIN_STEPS


def _middle(results: Sequence[Result], name: Literal["per_episode_s", "train_s"]) -> float | None:
    times = [getattr(result.document.timing, name) for result in results]
    known = [time for time in times if time is not None]
    return float(f"{statistics.median(known):.3g}") if known else None


def _memory(results: Sequence[Result]) -> int | None:
    """Peak bytes on the GPU, or of the process where there was none."""
    peaks = []
    for result in results:
        timing = result.document.timing
        peaks.append(timing.peak_gpu_bytes or timing.peak_process_bytes or 0)
    return int(max(peaks)) or None
