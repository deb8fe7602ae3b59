"""Every reader of a file, with a good file to begin from."""

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from fewshot_bench.config.tables import read_toml
from fewshot_bench.data.blocks import read_digests
from fewshot_bench.data.features.store import open_features
from fewshot_bench.data.images import Decoding, decode
from fewshot_bench.data.pickles import load_pickle
from fewshot_bench.data.readers.listed import scan_list
from fewshot_bench.data.readers.tables import class_splits
from fewshot_bench.data.store import open_store
from fewshot_bench.evaluation.result import read_result, write_result
from fewshot_bench.inner.losses.loss_file import read_loss
from fewshot_bench.leaderboard.board_file import load_board
from fewshot_bench.leaderboard.datasets import COLUMNS, read_datasets
from fewshot_bench.leaderboard.published import read_published
from fewshot_bench.nn.given.weights import read_weights
from fewshot_bench.training.checkpoint import load_checkpoint, save_checkpoint
from fewshot_bench.training.log import learning_curve
from tests.leaderboard.synthetic import synthetic

DIGEST = "0" * 64


@dataclass(frozen=True)
class Reader:
    """One kind of file.

    Attributes:
        name: of the file in its folder.
        make: writes a good one, and what it needs beside it, into a folder.
        read: reads the file; may raise FsbenchError, or ValueError where ``decodes``.
        decodes: whether ValueError is its word for damage, as that of the image decoder is.
    """

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]
    decodes: bool = False


def _text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content, encoding="utf-8")


def _pickle(path: Path) -> None:
    labels = {"labels": [1, 2], "data": np.zeros((2, 4, 4, 3), np.uint8), "t": (1, (2.5, "x"))}
    path.write_bytes(pickle.dumps(labels, protocol=2))


def _image(kind: str) -> Callable[[Path], object]:
    pixels = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    return lambda path: Image.fromarray(pixels).save(path, format=kind)


def _npz(path: Path) -> None:
    names, splits = np.repeat(["a", "b", "c"], 4), np.repeat(["train", "test", "test"], 4)
    np.savez(path, features=np.ones((12, 3), np.float32), labels=names, split=splits)


def _safetensors(path: Path) -> None:
    tensors = {
        "features": torch.ones(12, 3),
        "labels": torch.arange(3).repeat_interleave(4),
        "split": torch.tensor([0, 2, 2]).repeat_interleave(4),
    }
    header = {"class_names": json.dumps(["a", "b", "c"])}
    path.write_bytes(safetensors.torch.save(tensors, metadata=header))


def _store(path: Path) -> None:
    from fewshot_bench.data.images import Decoding
    from fewshot_bench.data.writer import StoreWriter
    from tests.fuzz.tiny_store import BENCHMARK, sources

    with StoreWriter(BENCHMARK, Decoding(4, 3), path.parent) as writer:
        sources(writer)
    writer.finish("given", [])


LOSS = {
    "schema": 1,
    "kind": "taylor",
    "task": "classification",
    "coefficients": [0.1] * 8,
    "fitness": 0.5,
    "provenance": {},
}
BOARD = {"schema": 1, "boards": [], "pools": []}
LOG = "".join(f'{{"step": {n}, "loss": 1.5, "val_accuracy": 0.{n}}}\n' for n in range(1, 6))

READERS = (
    Reader("settings.toml", _text('[train]\nlr = 0.1\nname = "a"\n'), read_toml),
    Reader("split.csv", _text("class,split\na,train\nb,test\n"), class_splits),
    Reader("all.csv", _text("path,class,split\na.png,a,train\nb.png,b,test\n"), scan_list),
    Reader(
        "base.json",
        _text(json.dumps({"label_names": ["a"], "image_names": ["x"], "image_labels": [0]})),
        scan_list,
    ),
    Reader("loss.json", _text(json.dumps(LOSS)), read_loss),
    Reader("board.json", _text(json.dumps(BOARD)), load_board),
    Reader("published.csv", _text("method,backbone\nmaml,conv4\n"), read_published),
    Reader(
        "datasets.csv",
        _text(f"{','.join(COLUMNS)}\ncub,{DIGEST},50,3000,84,from them\n"),
        lambda path: read_datasets(path.parent),
    ),
    Reader("log.jsonl", _text(LOG), lambda path: learning_curve(path.parent)),
    Reader("images.blocks", lambda path: path.write_bytes(bytes(64)), read_digests),
    Reader("data.pkl", _pickle, load_pickle),
    Reader("f.npz", _npz, open_features),
    Reader("f.safetensors", _safetensors, open_features),
    Reader(
        "model.safetensors",
        lambda path: save_checkpoint(path, {"w": torch.ones(3)}, {"step": 1}),
        load_checkpoint,
    ),
    Reader("w.pth", lambda path: torch.save({"w": torch.ones(3)}, path), read_weights),
    Reader(
        "result.json",
        lambda path: write_result(synthetic(episodes=20), path.parent),
        lambda path: read_result(path.parent),
    ),
    Reader(
        "episodes.npz",
        lambda path: write_result(synthetic(episodes=20), path.parent),
        lambda path: read_result(path.parent),
    ),
    Reader("store.json", _store, lambda path: open_store(path.parent)),
    *(
        Reader(
            f"image.{kind}",
            _image(kind),
            lambda path: decode(path.read_bytes(), Decoding(8, 3)),
            decodes=True,
        )
        for kind in ("png", "jpeg", "gif", "bmp", "tiff", "webp")
    ),
)
