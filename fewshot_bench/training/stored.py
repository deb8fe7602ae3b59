"""All that the cache holds, hashed again: images, activations, weights and states of trainings."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewshot_bench.data.array_file import is_whole, read_rows
from fewshot_bench.data.store import IMAGES, MANIFEST, open_store
from fewshot_bench.data.verify import verify
from fewshot_bench.errors import FsbenchError
from fewshot_bench.reading import understood
from fewshot_bench.training.checkpoint import load_checkpoint


@dataclass(frozen=True)
class Checked:
    """One thing in the cache.

    Attributes:
        path: of its file or folder.
        differences: a line for each; empty if it is as it was written.
    """

    path: Path
    differences: tuple[str, ...]


def check_all(root: Path) -> Iterator[Checked]:
    """Hash again what lies below a folder and carries hashes, in the order of the paths.

    Files that this program did not write are passed over, and arrays and stores of versions
    that wrote no hashes are only looked at for their form.
    """
    for path in sorted(root.rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(root).parts):
            continue  # drafts of those who are at work
        check = _CHECKS.get(path.name) or _CHECKS.get(path.suffix)
        if check is not None and path.is_file():
            place = path.parent if path.name == MANIFEST else path
            yield Checked(place, tuple(_lines(check, path)))


def _lines(check: Callable[[Path], list[str]], path: Path) -> list[str]:
    try:
        return check(path)
    except FsbenchError as error:
        return [str(error)]


def _store(path: Path) -> list[str]:
    return verify(open_store(path.parent))


def _lost_images(path: Path) -> list[str]:
    return [] if path.with_name(MANIFEST).is_file() else [f"{path} has no {MANIFEST} beside it"]


def _array(path: Path) -> list[str]:
    with understood(path, "array"):
        n = len(np.load(path, mmap_mode="r", allow_pickle=False))
        if is_whole(path):
            _, guard = read_rows(path, n)
            if guard is not None:
                guard.check()
    return []


def _tensors(path: Path) -> list[str]:
    load_checkpoint(path)
    return []


_CHECKS: dict[str, Callable[[Path], list[str]]] = {
    MANIFEST: _store,
    IMAGES: _lost_images,
    ".npy": _array,
    ".safetensors": _tensors,
}
