from pathlib import Path

import numpy as np
import pytest

from fewshot_bench.data.readers import quickdraw
from fewshot_bench.data.readers.quickdraw import QUICKDRAW
from fewshot_bench.errors import DataError

from .tiny_sources import class_names, prepared, write

OPTIONS = {"allow_missing_classes": True}


def drawings(root: Path, number: int = 5) -> Path:
    """Class c has ``number`` drawings of one grey each: 20 c, 20 c + 1, ..."""
    root.mkdir(parents=True)
    for c, name in enumerate(["ant", "full_numpy_bitmap_aircraft%20carrier", "bee", "cat", "dog"]):
        rows = np.repeat(20 * c + np.arange(number, dtype=np.uint8)[:, None], 784, axis=1)
        np.save(root / f"{name}.npy", rows.astype(np.uint8))
    return root


def test_quickdraw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quickdraw, "MOST", 3)
    store = prepared(QUICKDRAW, drawings(tmp_path / "in"), tmp_path / "out", **OPTIONS)
    names = class_names(store)
    assert sorted(names) == ["aircraft carrier", "ant", "bee", "cat", "dog"]
    order = ["ant", "aircraft carrier", "bee", "cat", "dog"]
    expected = [20 * order.index(name) + i for name in names for i in range(3)]
    assert store.images.shape == (15, 1, 28, 28)
    assert store.images.min(axis=(1, 2, 3)).tolist() == expected
    assert store.images.max(axis=(1, 2, 3)).tolist() == expected
    assert store.manifest.fingerprint.endswith("-partial-5-of-345")


def test_files_that_are_no_drawings(tmp_path: Path) -> None:
    source = drawings(tmp_path / "in")
    np.save(source / "bee.npy", np.zeros((3, 100), np.uint8))
    with pytest.raises(DataError, match=r"expected uint8 \(n, 784\), found uint8 \(3, 100\)"):
        prepared(QUICKDRAW, source, tmp_path / "out", **OPTIONS)
    np.save(source / "bee.npy", np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"bee\.npy is truncated or damaged"):
        prepared(QUICKDRAW, source, tmp_path / "out", **OPTIONS)
    write(source / "bee.npy", (source / "ant.npy").read_bytes()[:1000])
    with pytest.raises(DataError, match=r"bee\.npy is truncated or damaged"):
        prepared(QUICKDRAW, source, tmp_path / "out", **OPTIONS)
