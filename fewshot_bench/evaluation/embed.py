"""Features of all images of a benchmark, block by block; a stopped run goes on where it was."""

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fewshot_bench.data.benchmark import SplitName
from fewshot_bench.data.features.store import FeatureStore
from fewshot_bench.data.features.table import Embedding
from fewshot_bench.data.opened import Store
from fewshot_bench.data.pool import FeaturePool, ImagePool
from fewshot_bench.data.transforms import Normalise
from fewshot_bench.errors import DataError
from fewshot_bench.files import digest, dump_json, load_json, write_atomic
from fewshot_bench.reading import read_bytes

BLOCK = 64  # images that are embedded and stored together
PLAN, DIGEST = "plan.json", 32  # bytes

Function = Callable[[Tensor], Tensor]
Progress = Callable[[int, int], None]


def embed(
    function: Function,
    store: Store,
    embedding: Embedding,
    *,
    device: torch.device | str = "cpu",
    scratch: Path | None = None,
    progress: Progress = lambda *_: None,
) -> FeatureStore:
    """Features of all images of a store.

    Args:
        function: (B, C, H, W) normalised images to (B, ...) features.
        store: the images.
        embedding: what the function is.
        device: where it computes.
        scratch: folder for blocks that are done; they are used again if they are of the same images
            and the same embedding. None keeps everything in memory.
        progress: told how many images are done, of how many, block by block.

    Raises:
        DataError: a feature is not finite.
    """
    pools = {name: store.split(name) for name in store.splits}
    total, done = sum(map(len, pools.values())), 0
    features: dict[SplitName, FeaturePool] = {}
    if scratch is not None:
        _begin(scratch, [store.manifest.as_json(), embedding.table(), BLOCK])
    for name, pool in pools.items():
        blocks = []
        for values in _blocks(function, pool, torch.device(device), scratch):
            blocks.append(values)
            done += len(values)
            progress(done, total)
        features[name] = FeaturePool.of(pool, np.concatenate(blocks), embedding.sha256)
    return FeatureStore(store.manifest, features, embedding)


def scratch_folder(path: Path) -> Path:
    """Where the blocks of a feature file lie until it is whole."""
    return path.with_name(f".{path.name}.blocks")


def clear(scratch: Path) -> None:
    """Remove the blocks of a file that is whole."""
    shutil.rmtree(scratch, ignore_errors=True)


def _begin(scratch: Path, plan: list[Any]) -> None:
    """Keep blocks of the same plan, and remove those of another."""
    wanted = digest(*plan)
    try:
        known = load_json(scratch / PLAN) == {"plan": wanted}
    except DataError:
        known = False
    if not known:
        clear(scratch)
        write_atomic(scratch / PLAN, dump_json({"plan": wanted}))


def _blocks(
    function: Function, pool: ImagePool | FeaturePool, device: torch.device, scratch: Path | None
) -> Iterator[NDArray[np.float32]]:
    """float32 (B, D) of one block of images after another."""
    for number, rows in enumerate(torch.split(torch.arange(len(pool)), BLOCK)):
        path = None if scratch is None else scratch / f"{pool.name}-{number:06d}.npy"
        if path is not None and (stored := _stored(path, len(rows))) is not None:
            yield stored
            continue
        with torch.no_grad():
            values = function(_inputs(pool, rows, device)).flatten(1).float().cpu().numpy()
        if not np.isfinite(values).all():
            raise DataError(
                f"a feature of {pool.name} images {rows[0]} to {rows[-1]} is not finite"
            )
        if path is not None:
            write_atomic(path, _bytes(values))
        yield values


def _inputs(pool: ImagePool | FeaturePool, rows: Tensor, device: torch.device) -> Tensor:
    """float32 images (B, C, H, W), normalised, or features (B, D)."""
    chosen = slice(int(rows[0]), int(rows[-1]) + 1)
    pool.check(rows.numpy())
    if isinstance(pool, FeaturePool):
        return torch.from_numpy(pool.features[chosen]).float().to(device)
    images = torch.from_numpy(np.ascontiguousarray(pool.images[chosen])).to(device)
    return Normalise(pool.mean, pool.std, device)(images)


def _stored(path: Path, rows: int) -> NDArray[np.float32] | None:
    """A block that is done; None where there is none, it is damaged, or of another version."""
    try:
        data = read_bytes(path)
        if hashlib.sha256(data[:-DIGEST]).digest() != data[-DIGEST:]:
            return None
        values: NDArray[np.float32] = np.load(io.BytesIO(data), allow_pickle=False)
    except (OSError, ValueError):  # the block is made anew
        return None
    fits = values.shape[:1] == (rows,) and values.ndim == 2 and values.dtype == np.float32
    return values if fits else None


def _bytes(values: NDArray[np.float32]) -> bytes:
    """The array in NumPy's form, and its hash."""
    buffer = io.BytesIO()
    np.save(buffer, values)
    data = buffer.getvalue()
    return data + hashlib.sha256(data).digest()
