"""Parts of a result's document from what was measured: images, episodes, accuracy."""

import warnings

from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers.base import OLD_NAMES
from fewshot_bench.data.samplers.base import Sampler as EpisodeSource
from fewshot_bench.data.samplers.stream import VERSION
from fewshot_bench.data.store import Manifest
from fewshot_bench.evaluation.arrays import Columns
from fewshot_bench.evaluation.classes import (
    NAMED,
    class_hashes,
    class_list_sha256,
)
from fewshot_bench.evaluation.compact import list_sha256
from fewshot_bench.evaluation.document import (
    Dataset,
    Protocol,
    Sampler,
    StopRule,
    Summary,
    SummaryInterval,
)
from fewshot_bench.evaluation.protocol import PREFIXES
from fewshot_bench.stats import DegenerateWarning, mean_ci


def describe_dataset(manifest: Manifest, split: Pool) -> Dataset:
    """Which images the episodes were drawn from."""
    names = split.class_names
    return Dataset(
        id=manifest.benchmark,
        split=split.name,
        fingerprint=split.source_fingerprint,
        raw_sha256=manifest.raw_sha256,
        split_sha256=manifest.split_sha256,
        class_list_sha256=class_list_sha256(names),
        class_hashes=class_hashes(manifest.classes[split.name]),
        class_names=list(names) if len(names) <= NAMED else None,
        pool_sizes=[int(n) for n in split.class_sizes],
        preprocessing={**manifest.preprocessing, "mean": manifest.mean, "std": manifest.std},
    )


def describe_protocol(
    source: EpisodeSource, columns: Columns, rule: StopRule | None = None
) -> Protocol:
    """What the episodes were.

    Args:
        source: what drew them.
        columns: see :mod:`fewshot_bench.evaluation.arrays`.
        rule: when to stop; None if their number was fixed before.
    """
    hashes = columns["episode_hash"]
    own = {"options": source.options} if source.options else {}
    return Protocol(
        id=source.protocol_id,
        **source.shape,
        sampler=Sampler(
            name="philox",
            version=VERSION,
            mode=OLD_NAMES.get(source.mode, source.mode),
            seed=source.seed,
            **own,
        ),
        T=len(hashes),
        stop_rule=rule or "fixed",
        episode_list_sha256=list_sha256(hashes),
        prefix_sha256={str(n): list_sha256(hashes[:n]) for n in PREFIXES if n <= len(hashes)},
    )


def describe_summary(columns: Columns, level: float) -> Summary:
    """The closed interval, for people who read the file; programs compute it again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # the flags say it
        closed = mean_ci(columns["n_correct"] / columns["n_query"], level)
    known = closed.n > 1
    interval = SummaryInterval(
        kind=closed.estimand,
        level=level,
        low=closed.low if known else None,
        high=closed.high if known else None,
        flags=list(closed.flags),
    )
    return Summary(accuracy=closed.mean, T=closed.n, interval=interval)
