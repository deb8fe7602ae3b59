"""What ``fsbench data verify`` finds: changed sources, feature files, all that a cache holds."""

import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from fewshot_bench.data import watched
from fewshot_bench.data.array_file import write_rows
from fewshot_bench.data.features.files import read_table, write_table
from fewshot_bench.data.features.table import Embedding, FeatureTable
from fewshot_bench.data.library import open_benchmark, parse
from fewshot_bench.data.verify import against_source, verify
from fewshot_bench.data.watched import is_unchanged, listing
from fewshot_bench.errors import DataError
from fewshot_bench.training.checkpoint import save_checkpoint
from fewshot_bench.training.stored import check_all
from tests.cli.common import fsbench

from .tiny_sources import folder_tree


def test_an_image_that_changed_with_equal_size_and_time_is_named(tmp_path):
    tree = folder_tree(tmp_path / "in")
    image = tree / "train/ant/00.png"
    Image.fromarray(np.full((6, 6, 3), 7, np.uint8)).save(tmp_path / "one.bmp")
    image.write_bytes((tmp_path / "one.bmp").read_bytes())
    spec = f"folder:{tree}"
    store, before = open_benchmark(spec), image.stat()
    data = bytearray(image.read_bytes())
    data[60] ^= 255
    image.write_bytes(data)
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = open_benchmark(spec)
    assert again.manifest.raw_sha256 == store.manifest.raw_sha256  # it is not seen by its facts
    assert verify(again) == []
    benchmark, source = parse(spec)
    lines = against_source(again, benchmark, source)
    assert lines == ["ant 00: the source has another image now"]
    assert "another image now" in fsbench("data", "verify", spec, code=1)[0]
    assert [path for path in again.folder.parent.glob(".*") if path.is_dir()] == []


def _feature_file(path):
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    labels, splits = np.array(["a", "a", "b", "b"]), np.array(["test"] * 4)
    origin = {"manifest": {"benchmark": "x"}, "embedding": Embedding("e", "net").table()}
    write_table(path, FeatureTable(values, labels, splits, origin))
    return values


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_feature_that_changed_is_found_when_its_file_is_opened(tmp_path, suffix):
    path = tmp_path / f"f.{suffix}"
    values = _feature_file(path)
    np.testing.assert_array_equal(read_table(path).features, values)
    data = path.read_bytes()
    changed = data.replace(np.float32(7).tobytes(), np.float32(8).tobytes(), 1)
    assert changed != data
    path.write_bytes(changed)
    with pytest.raises(DataError, match=r"damaged|is no feature file"):
        read_table(path)
    fsbench("data", "verify", f"features:{path}", code=2)


def _cache(root):
    """An array that is checked at once, weights of a stage, and the state of a training."""
    rows = np.arange(40, dtype=np.float32).reshape(20, 2)
    write_rows(root / "activations/a/activations.npy", 20, 8, lambda start, stop: rows[start:stop])
    for name in ("model", "state"):
        path = root / f"stages/classify-1/{name}.safetensors"
        save_checkpoint(path, {"w": torch.arange(3.0)}, {"step": 1})


def test_all_of_a_cache_is_as_it_was_written(tmp_path):
    _cache(tmp_path)
    found = list(check_all(tmp_path))
    assert len(found) == 3
    assert not any(one.differences for one in found)


@pytest.mark.parametrize("name", ["activations.npy", "model.safetensors", "state.safetensors"])
def test_one_flipped_bit_is_named_with_its_file(tmp_path, name):
    _cache(tmp_path)
    (path,) = tmp_path.rglob(name)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    (wrong,) = [one for one in check_all(tmp_path) if one.differences]
    assert wrong.path == path
    assert "damaged" in wrong.differences[0]


def test_a_cache_that_differs_ends_with_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("FSBENCH_CACHE", str(tmp_path))
    _cache(tmp_path)
    assert "3 files checked, 0 differ" in fsbench("data", "verify")[0]
    (path,) = tmp_path.rglob("model.safetensors")
    path.write_bytes(path.read_bytes()[:-2])
    assert "3 files checked, 1 differ" in fsbench("data", "verify", code=1)[0]


@pytest.mark.parametrize("spec", ["folder:.", "folder:./list.csv"])
def test_nothing_is_passed_over_in_the_folder_where_one_is(tmp_path, monkeypatch, spec):
    tree = folder_tree(tmp_path / "in")
    files = sorted(path.relative_to(tree) for path in tree.rglob("*.png"))
    if spec.endswith(".csv"):
        rows = [f"./{file},{file.parts[1]},{file.parts[0]}\n" for file in files]
        (tree / "list.csv").write_text("path,class,split\n" + "".join(rows))
    monkeypatch.chdir(tree)
    store = open_benchmark(spec)
    assert len(store.images) == len(files)
    assert not [one for one in store.manifest.notices if "passed over" in one["text"]]


def test_many_files_are_watched_by_the_times_of_their_folders(tmp_path, monkeypatch):
    tree = folder_tree(tmp_path / "in")
    assert is_unchanged(tree, listing(tree))
    monkeypatch.setattr(watched, "MANY", 3)
    listed = listing(tree)
    assert is_unchanged(tree, listed)
    image = tree / "train/ant/00.png"
    image.write_bytes(image.read_bytes() + b"more")  # in place: this is what verify is for
    assert is_unchanged(tree, listed)
    image.rename(image.with_name("01b.png"))
    assert not is_unchanged(tree, listed)
    listed = listing(tree)
    (tree / "test/new").mkdir()
    assert not is_unchanged(tree, listed)
    shutil.rmtree(tree / "val")
    assert not is_unchanged(tree, listed)
    assert not is_unchanged(tree, "{")
