"""The real archives, where they are at hand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fewshot_bench.data.readers.omniglot import OMNIGLOT
from fewshot_bench.data.readers.tiered_imagenet import TIERED_IMAGENET
from fewshot_bench.data.sheet import contact_sheet
from fewshot_bench.data.verify import verify

from .tiny_sources import prepared

Find = Callable[[str], Path]


@pytest.mark.slow
def test_omniglot(shared: Find, tmp_path: Path) -> None:
    store = prepared(OMNIGLOT, shared("omniglot.tar.gz"), tmp_path / "out")
    sizes = {split: len(classes) for split, classes in store.manifest.classes.items()}
    assert sizes == {"train": 1028, "val": 172, "test": 423}
    assert {n for classes in store.manifest.classes.values() for n in classes.values()} == {20}
    assert store.split("train").n_classes == 4 * 1028
    assert 0.02 < (store.images > 127).mean() < 0.2  # ink is bright, paper dark
    assert verify(store) == []
    assert contact_sheet(store).width > 600


@pytest.mark.slow
def test_tiered_imagenet_subset(shared: Find, tmp_path: Path) -> None:
    options = {"image_size": 64, "allow_missing_classes": True}
    archive = shared("imagenet64_tiered_subset.tar.gz")
    store = prepared(TIERED_IMAGENET, archive, tmp_path / "out", **options)
    sizes = {split: len(classes) for split, classes in store.manifest.classes.items()}
    assert sizes == {"train": 61, "val": 17, "test": 45}
    assert store.images.shape == (36900, 3, 64, 64)
    assert store.manifest.fingerprint.endswith("-partial-123-of-608")
    assert len(store.manifest.missing) == 485
