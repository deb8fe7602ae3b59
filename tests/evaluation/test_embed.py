"""Features of a whole store: block by block, and what a killed process has done is used again."""

import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from fewshot_bench.data.features.files import write_table
from fewshot_bench.data.features.store import open_features
from fewshot_bench.data.features.table import Embedding
from fewshot_bench.data.library import open_benchmark
from fewshot_bench.errors import DataError
from fewshot_bench.evaluation import embed as module
from fewshot_bench.evaluation.embed import PLAN, embed, scratch_folder
from tests.tiny import CLASSES, PER_CLASS, SIZE

TOTAL = sum(CLASSES.values()) * PER_CLASS  # 189 images
KNOWN = Embedding("a" * 64, "means", trained_on="nothing")


@pytest.fixture
def store(tiny_folder, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 20)
    return open_benchmark(f"folder:{tiny_folder}", SIZE)


def channel_means(images):
    return images.mean(dim=(2, 3))


def test_features_are_those_of_normalised_images_in_their_order(store, tmp_path):
    seen = []
    features = embed(channel_means, store, KNOWN, progress=lambda *count: seen.append(count))
    for name in ("train", "val", "test"):
        pool = store.split(name)
        images = pool.images.astype(np.float64) / 255
        mean, std = (np.array(v)[None, :, None, None] for v in (pool.mean, pool.std))
        wanted = ((images - mean) / std).mean(axis=(2, 3))
        np.testing.assert_allclose(features.split(name).features, wanted, atol=1e-5)
        assert features.split(name).source_fingerprint == pool.fingerprint
        assert features.split(name).class_names == pool.class_names
    assert seen[-1] == (TOTAL, TOTAL)
    assert [done for done, _ in seen] == [20, 40, 60, 72, 92, 112, 126, 146, 166, 186, 189]
    write_table(tmp_path / "f.npz", features.table())
    read = open_features(tmp_path / "f.npz")
    assert read.embedding == KNOWN
    assert read.split("test").fingerprint == features.split("test").fingerprint
    np.testing.assert_array_equal(read.split("test").features, features.split("test").features)


def test_a_stopped_run_goes_on_after_its_last_block(store, tmp_path):
    calls = []

    def counted(images):
        calls.append(len(images))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return channel_means(images)

    scratch = scratch_folder(tmp_path / "f.npz")
    with pytest.raises(KeyboardInterrupt):
        embed(counted, store, KNOWN, scratch=scratch)
    resumed = embed(counted, store, KNOWN, scratch=scratch)
    assert calls == [20, 20, 20, 12, 12, 20, 20, 14, 20, 20, 20, 3]  # the broken one twice
    whole = embed(channel_means, store, KNOWN)
    for name in whole.splits:
        np.testing.assert_array_equal(resumed.split(name).features, whole.split(name).features)
    calls[:] = [0] * 9
    embed(counted, store, Embedding("b" * 64), scratch=scratch)  # other weights: all anew
    assert sum(calls) == TOTAL
    damaged = sorted(scratch.glob("*.npy"))[2]
    damaged.write_bytes(damaged.read_bytes()[:50])
    calls[:] = [0] * 9
    embed(counted, store, Embedding("b" * 64), scratch=scratch)
    assert len(calls) == 10


KILLED = """
import os, signal, sys
from pathlib import Path
import fewshot_bench as fsb
from fewshot_bench.evaluation import embed as module
from torch import nn
module.BLOCK = 20
class Means(nn.Module):
    calls = 0
    def forward(self, x):
        Means.calls += 1
        if Means.calls == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return x.mean(dim=(2, 3))
fsb.embed(Means(), fsb.load(sys.argv[1], image_size=16), sys.argv[2])
print(Means.calls)
"""


def test_kill_9_loses_one_block(store, tiny_folder, tmp_path):
    file = tmp_path / "f.npz"
    command = [sys.executable, "-c", KILLED, f"folder:{tiny_folder}", str(file)]
    killed = subprocess.run([*command, "6"], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not file.exists()
    blocks = scratch_folder(file)
    assert len(list(blocks.glob("*.npy"))) == 5
    assert (blocks / PLAN).is_file()
    again = subprocess.run([*command, "0"], capture_output=True, text=True, check=True)
    assert int(again.stdout) == 11 - 5
    assert file.is_file()
    assert not blocks.exists()
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ".lock"] == ["f.npz"]


def test_features_that_are_not_finite_are_refused(store):
    with pytest.raises(DataError, match="a feature of train images 0 to 19 is not finite"):
        embed(lambda images: images.flatten(1) * torch.nan, store, KNOWN)
