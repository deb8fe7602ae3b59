"""Run a trained method over a list of test episodes and keep everything that was seen.

Columns of the result, one row per episode (T rows):

* ``episode_index`` uint32, ``episode_hash`` uint64;
* ``class_ids`` int32 (T, way), ``support_ids`` int32 (T, way, shot), ``query_ids`` int32
  (T, way, query): indices into the split's sorted class and image lists;
* ``pred`` uint8 (T, way, query), ``n_correct`` uint16, ``n_query`` uint16;
* ``nll`` float64 in nats, ``brier`` float64: means over the episode's queries.

Where episodes or their classes differ in numbers of images, ``class_ids``, ``support_ids``,
``query_ids`` and ``pred`` are flat, one episode after another, with ``support_labels`` and
``query_labels`` uint8 beside them; ``n_way``, ``n_support`` and ``n_query`` uint16 (T,) say how
much of them is of which episode.
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.data.samplers.base import Sampler
from fewshot_bench.evaluation.arrays import Columns
from fewshot_bench.evaluation.columns import class_rows, episode_columns, flat
from fewshot_bench.evaluation.document import Timing
from fewshot_bench.evaluation.features import FeatureBank
from fewshot_bench.evaluation.predict import Predictions, predict
from fewshot_bench.methods.base import FewShotMethod
from fewshot_bench.nn.params import Params
from fewshot_bench.platform import peak_memory
from fewshot_bench.stats import fixed_width_stop


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Outcome of :func:`evaluate`.

    Attributes:
        columns: see the module's docstring.
        failures: episodes whose logits were not finite; all their queries count as wrong.
        timing: seconds in all and per episode, peak memory in bytes on a GPU and of the process.
    """

    columns: Columns
    failures: list[int]
    timing: Timing


@dataclass(frozen=True)
class StopRule:
    """Stop at the first episode where the closed interval is short enough (Chow & Robbins 1965).

    Episodes beyond it are dropped, so the outcome does not depend on the batch size.

    Attributes:
        half_width: wanted half-width, a fraction.
        level: confidence level.
    """

    half_width: float
    level: float

    def first(self, parts: list[Predictions]) -> int | None:
        """Number of episodes that are enough, or None if more are needed."""
        accuracy = np.concatenate([part.accuracy for part in parts])
        rule = fixed_width_stop(accuracy, self.half_width, self.level)
        return rule.n if rule.stopped else None


def evaluate(
    method: FewShotMethod,
    params: Params,
    loader: EpisodeLoader,
    episodes: int,
    progress: Callable[[int], None] = lambda _: None,
    until: StopRule | None = None,
    bank: FeatureBank | None = None,
) -> Evaluation:
    """Predict episodes 0, ..., episodes - 1.

    Args:
        method: what is measured.
        params: its trained parameters.
        loader: test episodes.
        episodes: how many, or with ``until`` at most how many.
        progress: told the number of episodes done since the last call.
        until: see :class:`StopRule`.
        bank: features of the same embedding, of the images that the loader draws from.
    """
    begin = time.perf_counter()
    parts: list[Predictions] = []
    n = 0
    for part in predict(method, params, loader, 0, episodes, bank):
        parts.append(part)
        n += len(part)
        progress(len(part))
        if until is not None and (first := until.first(parts)) is not None:
            parts, n = _shortened(parts, first), first
            break
    seconds = time.perf_counter() - begin
    failed = np.concatenate([part.failed for part in parts])
    timing = Timing(
        total_s=round(seconds, 3),
        per_episode_s=round(seconds / n, 6),
        peak_gpu_bytes=_peak_memory(loader.device),
        peak_process_bytes=peak_memory(),
    )
    return Evaluation(_columns(parts, loader.sampler), np.flatnonzero(failed).tolist(), timing)


def _shortened(parts: list[Predictions], n: int) -> list[Predictions]:
    """The first n episodes."""
    starts = itertools.accumulate(map(len, parts), initial=0)
    return [part[: n - start] for part, start in zip(parts, starts, strict=False) if start < n]


def _columns(parts: list[Predictions], sampler: Sampler) -> Columns:
    blocks = [part.ids for part in parts]
    pred = [part.pred for part in parts]
    n_query = np.concatenate([np.full(len(part), part.n_query) for part in parts])
    return {
        **episode_columns(blocks, sampler),
        "pred": class_rows(pred, sampler.task.n_way) if sampler.rectangular else flat(pred),
        "n_correct": np.concatenate([part.n_correct for part in parts]),
        "n_query": n_query.astype(np.uint16),
        "nll": np.concatenate([part.nll for part in parts]),
        "brier": np.concatenate([part.brier for part in parts]),
    }


def _peak_memory(device: torch.device) -> int | None:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
