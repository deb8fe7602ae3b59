"""One row of the leaderboard from the stored results of one configuration."""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from fewshot_bench.config import translated
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.board import Row
from fewshot_bench.leaderboard.measured import MIN_EPISODES
from fewshot_bench.stats import align_episodes

LEVEL = 0.95
MIN_SEEDS = 3  # with fewer a row says nothing about its method


def measured_row(row_id: str, results: Sequence[Result]) -> Row:
    """Accuracy, interval and facts; rank and pool are found later.

    Args:
        row_id: see :func:`fewshot_bench.leaderboard.measured.row_id`.
        results: one per training seed, on the same list of episodes.
    """
    results = common_episodes(results)
    info = results[0].info
    interval = interval_of(results, "closed", LEVEL)
    known = np.isfinite(interval.half_width)
    config, protocol = info["method"]["config"], info["protocol"]
    return Row(
        id=row_id,
        kind="measured",
        method=info["method"]["id"],
        backbone=config["backbone"],
        benchmark=info["dataset"]["id"],
        way=protocol["way"],
        shot=protocol["shot"],
        setting=info["method"]["setting"],
        accuracy=round(interval.mean, 6),
        low=round(interval.low, 6) if known else None,
        high=round(interval.high, 6) if known else None,
        interval=interval.estimand,
        flags=(*_warnings(results), *interval.flags),
        pre_trained=_pre_trained(config),
        train_val=False,
        ensemble=False,
        adaptation=info["method"].get("adaptation") is True,
        seeds=len(results),
        episodes=len(results[0].accuracy),
        time_s=_middle(results, "per_episode_s"),
        train_s=_middle(results, "train_s"),
        memory=_memory(results),
        n_params=info["checkpoint"]["n_params"],
        results=tuple(result.info["result_id"] for result in results),
    )


def common_episodes(results: Sequence[Result]) -> tuple[Result, ...]:
    """The results cut to as many episodes as all of them have."""
    hashes = [result.columns["episode_hash"] for result in results]
    n = min(align_episodes(hashes[0], other, 1) for other in hashes)
    return tuple(result.first(n) for result in results)


def _warnings(results: Sequence[Result]) -> tuple[str, ...]:
    flags = {
        "single_seed": len(results) == 1,
        "few_episodes": len(results[0].accuracy) < MIN_EPISODES,
        "failures": any(result.info["failures"] for result in results),
        "changed_code": any(result.info.get("tool", {}).get("dirty") for result in results),
    }
    return tuple(flag for flag, raised in flags.items() if raised)


def _pre_trained(config: dict[str, Any]) -> bool:
    """Whether the backbone was trained on labels of the training classes before."""
    stage = translated(config).get("stages", {}).get("classify")
    return isinstance(stage, dict) and bool(stage.get("steps"))


def _middle(results: Sequence[Result], name: str) -> float | None:
    times = [result.info["timing"].get(name) for result in results]
    known = [time for time in times if time is not None]
    return float(f"{statistics.median(known):.3g}") if known else None


def _memory(results: Sequence[Result]) -> int | None:
    """Peak bytes on the GPU, or of the process where there was none."""
    peaks = []
    for result in results:
        timing = result.info["timing"]
        peaks.append(timing.get("peak_gpu_bytes") or timing.get("peak_process_bytes") or 0)
    return int(max(peaks)) or None
