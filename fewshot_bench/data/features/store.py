"""A feature file as a benchmark: splits whose items are features."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.benchmark import SPLITS, SplitName
from fewshot_bench.data.features.files import read_table
from fewshot_bench.data.features.table import SCHEME as SCHEME
from fewshot_bench.data.features.table import Embedding, FeatureTable
from fewshot_bench.data.pool import ROTATED, ROTATIONS, FeaturePool
from fewshot_bench.data.store import Manifest
from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.files import sha256

UNKNOWN = "not told (features of unknown origin)"


@dataclass(frozen=True, eq=False)
class FeatureStore:
    """An opened feature file, or features in memory.

    Attributes:
        manifest: what is known of the images, or of the file.
        pools: the splits that there are.
        embedding: what computed the features.
    """

    manifest: Manifest
    pools: Mapping[SplitName, FeaturePool]
    embedding: Embedding

    @property
    def splits(self) -> tuple[SplitName, ...]:
        """The splits that have classes."""
        return tuple(name for name in SPLITS if name in self.pools)

    @property
    def length(self) -> int:
        """D of the features."""
        return int(next(iter(self.pools.values())).features.shape[1])

    def split(self, name: SplitName) -> FeaturePool:
        """One split; raises ConfigError if there is none of this name."""
        if name not in self.pools:
            have = ", ".join(self.splits) or "none"
            raise ConfigError(f"{self.manifest.benchmark} has no {name!r} classes; it has: {have}")
        return self.pools[name]

    def table(self) -> FeatureTable:
        """The rows as a file holds them."""
        labels = [n for p in self.pools.values() for n in np.repeat(p.class_names, p.class_sizes)]
        splits = [split for split, pool in self.pools.items() for _ in range(len(pool))]
        features: Any = np.concatenate([pool.features for pool in self.pools.values()])
        origin = {"manifest": self.manifest.as_json(), "embedding": self.embedding.table()}
        return FeatureTable(features, np.array(labels), np.array(splits), origin)


def open_features(path: Path) -> FeatureStore:
    """Open a feature file, see :mod:`fewshot_bench.data.features.files` for its forms.

    Raises:
        DataError: missing, damaged, not of such a form, or a class stands in two splits.
    """
    table = read_table(path)
    if odd := set(table.splits.tolist()) - set(SPLITS):
        raise DataError(f"{path}: a split is train, val or test, not {sorted(odd)[0]!r}")
    rows = {split: _rows(path, table, split) for split in SPLITS}
    manifest, embedding = _origin(path, table, rows)
    turned = ROTATED if manifest.rotations else ""
    identity = f"{manifest.fingerprint}{turned}", embedding.sha256
    pools = {s: _pool(s, table, rows[s], *identity) for s in SPLITS if rows[s]}
    for split in pools:
        known = sum(manifest.classes.get(split, {}).values()) * (ROTATIONS if turned else 1)
        if known != len(pools[split]):
            raise DataError(f"{path}: its rows are not those that its description names")
    return FeatureStore(manifest, pools, embedding)


def _rows(path: Path, table: FeatureTable, split: SplitName) -> dict[str, NDArray[np.int64]]:
    """Rows of each class of a split, classes by name; as they come in a file of our own."""
    order = np.argsort(table.labels, kind="stable")
    names, starts = np.unique(table.labels[order], return_index=True)
    rows = dict(zip(names.tolist(), np.split(order, starts[1:]), strict=True))
    if table.origin is not None:  # ids follow from the order, and episodes from the ids
        rows = dict(sorted(rows.items(), key=lambda item: int(item[1][0])))
    mine = {name: r for name, r in rows.items() if (table.splits[r] == split).any()}
    for name, members in mine.items():
        if (table.splits[members] != split).any():
            raise DataError(f"{path}: class {name!r} stands in two splits")
    return mine


def _origin(
    path: Path, table: FeatureTable, rows: Mapping[SplitName, Mapping[str, NDArray[np.int64]]]
) -> tuple[Manifest, Embedding]:
    """What a file says of its images and of what computed it, or what can be said of it."""
    values = sha256(np.ascontiguousarray(table.features).tobytes())
    if table.origin is not None:
        manifest = Manifest.from_json(table.origin["manifest"], path)
        told = table.origin["embedding"]
        if isinstance(told, str):  # of an earlier version
            return manifest, Embedding(told)
        known = {field.name for field in dataclasses.fields(Embedding)}
        return manifest, Embedding(**{k: v for k, v in told.items() if k in known})
    classes = {split: {n: len(r) for n, r in rows[split].items()} for split in SPLITS}
    identity = sha256(np.ascontiguousarray(table.features).tobytes(), repr(classes).encode())
    manifest = Manifest(
        benchmark=f"{SCHEME}{path.stem}",
        image_size=1,
        channels=1,
        mean=(0.0,),
        std=(1.0,),
        rotations=False,
        layout="features",
        preprocessing={},
        classes={str(split): sizes for split, sizes in classes.items()},
        fingerprint=identity,
        raw_sha256=identity,
        skipped=[],
        missing=[],
    )
    return manifest, Embedding(values, trained_on=UNKNOWN)


def _pool(
    split: SplitName,
    table: FeatureTable,
    rows: Mapping[str, NDArray[np.int64]],
    source: str,
    embedding: str,
) -> FeaturePool:
    return FeaturePool(
        name=split,
        class_names=tuple(rows),
        class_sizes=np.array([len(members) for members in rows.values()]),
        fingerprint=sha256(f"features/{source}/{embedding}".encode()),
        features=table.features[np.concatenate(list(rows.values()))],
        images_fingerprint=source,
    )
