"""torchmeta's HDF5 files: arrays or encoded images in groups of classes."""

import sys

import numpy as np
import pytest

from fewshot_bench.data import splits
from fewshot_bench.data.readers.cifar import CIFAR_FS
from fewshot_bench.data.readers.mini_imagenet import MINI_IMAGENET
from fewshot_bench.data.readers.tiered_imagenet import TIERED_IMAGENET
from fewshot_bench.errors import DataError

from .tiny_sources import class_names, picture, png, prepared

OPTIONS = {"allow_missing_classes": True, "image_size": 8}


def one_of_each(official):
    """A class of each split."""
    return {split: next(n for n, s in official.items() if s == split) for split in ("train", "val")}


def test_arrays_of_mini_imagenet(tmp_path):
    h5py = pytest.importorskip("h5py")
    named = one_of_each(splits.mini_imagenet())
    for split, name in named.items():
        images = np.stack([picture(i, 8) for i in range(3)])
        with h5py.File(tmp_path / f"{split}_data.hdf5", "w") as file:
            file.create_group("datasets").create_dataset(name, data=images)
    store = prepared(MINI_IMAGENET, tmp_path, tmp_path / "out", **OPTIONS)
    assert class_names(store) == list(named.values())
    assert store.manifest.classes["train"] == {named["train"]: 3}
    wanted = np.stack([picture(i, 8) for i in range(3)]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(store.split("train").images, wanted)


def test_encoded_images_of_tiered_imagenet(tmp_path):
    h5py = pytest.importorskip("h5py")
    name = one_of_each(splits.tiered_imagenet())["train"]
    with h5py.File(tmp_path / "train_data.hdf5", "w") as file:
        kind = h5py.special_dtype(vlen=np.uint8)
        data = file.create_group("datasets").create_dataset(name, (2,), dtype=kind)
        for i in range(2):
            data[i] = np.frombuffer(png(picture(i, 8)), dtype=np.uint8)
    store = prepared(TIERED_IMAGENET, tmp_path, tmp_path / "out", **OPTIONS)
    wanted = np.stack([picture(i, 8) for i in range(2)]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(store.split("train").images, wanted)


def test_superclasses_of_cifar(tmp_path):
    h5py = pytest.importorskip("h5py")
    named = one_of_each(splits.cifar_fs())
    with h5py.File(tmp_path / "data.hdf5", "w") as file:
        for number, name in enumerate((*named.values(), "no such class")):
            images = np.stack([picture(number, 8)] * 2)
            file.create_group(f"super{number}").create_dataset(name, data=images)
    store = prepared(CIFAR_FS, tmp_path, tmp_path / "out", **OPTIONS)
    assert class_names(store) == list(named.values())
    np.testing.assert_array_equal(store.split("val").images[0], picture(1, 8).transpose(2, 0, 1))


def test_without_h5py_or_with_another_file_one_line_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "train_data.hdf5").write_bytes(b"no HDF5")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "h5py", None)
        with pytest.raises(DataError, match="needs h5py to be read: pip install h5py"):
            prepared(MINI_IMAGENET, tmp_path, tmp_path / "out", **OPTIONS)
    pytest.importorskip("h5py")
    with pytest.raises(DataError, match="can't be read as HDF5"):
        prepared(MINI_IMAGENET, tmp_path, tmp_path / "out", **OPTIONS)
