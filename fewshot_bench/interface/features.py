"""Features computed once, and any classifier on them in milliseconds.

A feature file is an ``.npz`` with

* ``features``: float32 or float16 (n, D);
* ``labels``: n class names or numbers;
* ``split``, if there is one: ``train``, ``val`` or ``test`` for each row, the same for all rows of
  a class; without it all classes are test classes.

A file that :func:`embed` wrote also says which images it is of and what computed it (``origin``),
so that results on the features of two networks are of the same episodes.
"""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fewshot_bench.data.benchmark import SPLITS, SplitName
from fewshot_bench.data.episodes import Task
from fewshot_bench.data.pool import FeaturePool
from fewshot_bench.data.store import Manifest
from fewshot_bench.errors import DataError
from fewshot_bench.files import sha256, write_atomic
from fewshot_bench.interface.data import Data, Part
from fewshot_bench.interface.models import BLOCK, module_features
from fewshot_bench.nn.hashing import tensors_sha256

Features = NDArray[np.float32] | NDArray[np.float16]


def embed(
    module: nn.Module, data: Data, path: Path | str | None = None, *, device: str = "cpu"
) -> Data:
    """Features of all images of a benchmark.

    Args:
        module: (B, C, H, W) normalised images to features; it is put into evaluation mode.
        data: the images.
        path: ``.npz`` file to write; None keeps them in memory only.
        device: where they are computed.

    Returns:
        The same splits as features; :func:`fewshot_bench.api.load` of ``features:PATH`` gives them
        again.
    """
    module = module.to(device).eval()
    identity = tensors_sha256(module.state_dict())
    pools = {name: _embedded(module, data.part(name), identity, device) for name in data.pools}
    features = Data(data.manifest, pools)
    if path is not None:
        _write(features, Path(path), identity)
    return features


def _embedded(module: nn.Module, part: Part, identity: str, device: str) -> FeaturePool:
    loader = part.loader(Task(2, 1, 1), 0, device=device)
    compute, rows = module_features(module), torch.arange(len(part))
    with torch.no_grad():
        parts = [compute(loader.gather(block[None])[0]).cpu() for block in torch.split(rows, BLOCK)]
    return FeaturePool.of(part.pool, torch.cat(parts).float().numpy(), identity)


def _write(data: Data, path: Path, identity: str) -> None:
    pools = cast("dict[SplitName, FeaturePool]", data.pools)
    labels = [name for p in pools.values() for name in np.repeat(p.class_names, p.class_sizes)]
    splits = [split for split, pool in pools.items() for _ in range(len(pool))]
    origin = {"manifest": data.manifest.as_json(), "embedding": identity}
    buffer = io.BytesIO()
    np.savez(
        buffer,
        features=np.concatenate([pool.features for pool in pools.values()]),
        labels=np.array(labels),
        split=np.array(splits),
        origin=np.array(json.dumps(origin)),
    )
    write_atomic(path, buffer.getvalue())


def load_features(path: Path) -> Data:
    """Open a feature file.

    Raises:
        DataError: missing, damaged, or not of the form that the module's docstring says.
    """
    arrays = _arrays(path)
    features, labels, splits = (arrays[name] for name in ("features", "labels", "split"))
    if features.ndim != 2 or len(features) != len(labels) or len(labels) != len(splits):
        raise DataError(f"{path}: features (n, D), labels (n,) and split (n,) must fit together")
    if not np.isfinite(features).all():
        raise DataError(f"{path}: a feature is not finite")
    origin = json.loads(str(arrays["origin"])) if "origin" in arrays else None
    rows = {split: _rows(path, labels, splits, split) for split in SPLITS}
    classes: dict[str, dict[str, int]] = {
        split: {n: len(r) for n, r in rows[split].items()} for split in SPLITS
    }
    manifest = _manifest(path, features, classes, origin)
    whole = Data(manifest, {})
    embedding = origin["embedding"] if origin else sha256(np.ascontiguousarray(features).tobytes())
    pools = {s: _pool(whole, s, features, rows[s], embedding) for s in SPLITS if rows[s]}
    return dataclasses.replace(whole, pools=pools)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(f"{path} is no feature file: {error}") from error
    if missing := {"features", "labels"} - arrays.keys():
        raise DataError(f"{path} lacks the array {sorted(missing)[0]!r}")
    arrays.setdefault("split", np.full(len(arrays["labels"]), "test"))
    if arrays["features"].dtype not in (np.float16, np.float32):
        arrays["features"] = arrays["features"].astype(np.float32)
    return arrays


def _rows(
    path: Path, labels: NDArray[Any], splits: NDArray[Any], split: SplitName
) -> dict[str, NDArray[np.int64]]:
    """Rows of each class of a split, classes in the order of their names."""
    names = labels.astype(str)
    mine = sorted(set(names[splits == split].tolist()))
    rows = {name: np.flatnonzero(names == name) for name in mine}
    for name, members in rows.items():
        if (splits[members] != split).any():
            raise DataError(f"{path}: class {name!r} stands in two splits")
    return rows


def _manifest(
    path: Path, features: Features, classes: dict[str, dict[str, int]], origin: Any
) -> Manifest:
    if origin is not None:
        return Manifest.from_json(origin["manifest"], path)
    identity = sha256(np.ascontiguousarray(features).tobytes(), repr(classes).encode())
    return Manifest(
        benchmark=f"features:{path.stem}",
        image_size=1,
        channels=1,
        mean=(0.0,),
        std=(1.0,),
        rotations=False,
        layout="features",
        preprocessing={},
        classes=classes,
        fingerprint=identity,
        raw_sha256=identity,
        skipped=[],
        missing=[],
    )


def _pool(
    data: Data,
    split: SplitName,
    features: Features,
    rows: dict[str, NDArray[np.int64]],
    embedding: str,
) -> FeaturePool:
    source = data.manifest.fingerprint
    return FeaturePool(
        name=split,
        class_names=tuple(rows),
        class_sizes=np.array([len(members) for members in rows.values()]),
        fingerprint=sha256(f"features/{source}/{embedding}".encode()),
        features=features[np.concatenate(list(rows.values()))],
        images_fingerprint=source,
    )
