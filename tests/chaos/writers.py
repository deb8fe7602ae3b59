"""Every command that writes, in a folder of its own, and how to look at what it made."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
import torch

from fewshot_bench.data.features.store import open_features
from fewshot_bench.data.store import open_store
from fewshot_bench.data.verify import verify
from fewshot_bench.evaluation.result import write_result
from fewshot_bench.nn.hashing import tensors_sha256
from fewshot_bench.training.checkpoint import load_checkpoint
from tests.launch.common import SETTINGS, contents, sweep_file
from tests.leaderboard.synthetic import synthetic
from tests.tiny import SIZE, make_folder, tiny_config

MODEL = """
import torch
def make():
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten())
"""
QUICK = ("--data", "wine", "--model", "linear")
PASSING = ("seconds", "created_utc", "timing")  # keys of what differs from run to run


@dataclass(frozen=True)
class Writer:
    """A command that writes.

    Attributes:
        name: of the command.
        words: of its command line, for a root.
        made: what it has made there, to be compared; raises an exception for what is not whole.
        cheap: whether it needs no torch, and so a second only.
    """

    name: str
    words: Callable[[Path], list[object]]
    made: Callable[[Path], Any]
    cheap: bool = False


def new_root(root: Path) -> Path:
    """A folder with the inputs of all commands, an empty cache and an empty leaderboard."""
    shutil.rmtree(root, ignore_errors=True)
    images = make_folder(root / "images")
    shutil.copytree(images / "test", root / "classes")
    sweep_file(
        root / "sweep.toml", images, methods=["simpleshot"], seeds=[0], shots=[1], settings=SETTINGS
    )
    (root / "grid.toml").write_text(tomli_w.dumps(_embedding(images)))
    (root / "net.py").write_text(MODEL)
    (root / "board/results").mkdir(parents=True)
    published = Path(__file__).parents[2] / "leaderboards/published.csv"
    shutil.copy(published, root / "board")
    for seed in range(3):
        result = synthetic(seed=seed, episodes=600, seeds=range(3))
        write_result(result, root / f"fresh/seed-{seed}")
    return root


def _embedding(images: Path) -> dict[str, Any]:
    table = tiny_config(images, "simpleshot").model_dump(exclude_none=True)
    kept = {k: v for k, v in table.items() if k not in ("method", "options", "evaluate", "train")}
    return {**kept, "stages": {"classify": kept["stages"]["classify"]}}


def _training(root: Path) -> list[object]:
    words: list[object] = ["-m", "protonet", "-b", f"folder:{root / 'images'}", "--device", "cpu"]
    words += ["--backbone", "conv4-32", "--quiet"]
    sets = (f"image_size={SIZE}", "task.n_way=3", "task.n_query=4", "train.steps=8")
    for setting in (*sets, "train.meta_batch=2", "train.val_every=4", "train.val_episodes=5"):
        words += ["--set", setting]
    return words


def _stores(root: Path) -> list[object]:
    stores = [open_store(path.parent) for path in sorted(root.glob("cache/data/*/store.json"))]
    assert not any(map(verify, stores))
    return [store.manifest.as_json() for store in stores]


def _models(root: Path) -> dict[str, object]:
    found = {}
    for path in sorted(root.glob("cache/runs/*/*/model.safetensors")):
        one = load_checkpoint(path)
        found[path.parent.name] = tensors_sha256(one.params), _lasting(one.info)
    return found


def _features(root: Path) -> object:
    store = open_features(root / "features.npz")
    return {name: pool.features.tobytes() for name, pool in store.pools.items()}


def _json(name: str) -> Callable[[Path], object]:
    return lambda root: _lasting(json.loads((root / name).read_text()))


def _lasting(value: Any) -> Any:
    """A JSON value without times."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if not any(word in k for word in PASSING)}
        return {key: _lasting(inner) for key, inner in kept.items()}
    return [_lasting(inner) for inner in value] if isinstance(value, list) else value


def _added(root: Path) -> object:
    return contents(root / "board/results")


def _board(root: Path) -> object:
    from tests.cli.common import fsbench

    fsbench("leaderboard", "build", "--root", root / "board")  # of what was added meanwhile
    fsbench("leaderboard", "check", "--root", root / "board")
    return None


def _data(root: Path) -> list[object]:
    return ["data", "prepare", f"folder:{root / 'images'}", "--image-size", SIZE, "--quiet"]


def _grid(root: Path) -> list[object]:
    where = ["--embeddings", f"e={root / 'grid.toml'}", "--out", root / "grid", "--device", "cpu"]
    return ["grid", *where, "--classifiers", "simpleshot,knn", "--episodes", 30, "--quiet"]


def _embed(root: Path) -> list[object]:
    words: list[object] = ["embed", "--backbone", f"module:{root / 'net.py'}:make", "--quiet"]
    words += [
        "--benchmark",
        f"folder:{root / 'images'}",
        "--image-size",
        SIZE,
        "--input-size",
        SIZE,
    ]
    return [*words, "--trained-on", "nothing", "--device", "cpu", "--out", root / "features.npz"]


WRITERS = (
    Writer("data prepare", _data, _stores, cheap=True),
    Writer(
        "data split",
        lambda root: ["data", "split", root / "classes", "--out", root / "split.csv"],
        lambda root: (root / "split.csv").read_bytes(),
        cheap=True,
    ),
    Writer(
        "results add",
        lambda root: ["results", "add", root / "fresh", "--root", root / "board"],
        _added,
        cheap=True,
    ),
    Writer(
        "leaderboard build",
        lambda root: ["leaderboard", "build", "--root", root / "board"],
        _board,
        cheap=True,
    ),
    Writer("train", lambda root: ["train", *_training(root)], _models),
    Writer(
        "evaluate",
        lambda r: ["evaluate", *_training(r), "--episodes", 30, "--out", r / "evaluated"],
        lambda root: contents(root / "evaluated"),
    ),
    Writer(
        "sweep",
        lambda root: ["sweep", root / "sweep.toml", "--out", root / "swept", "--quiet"],
        lambda root: contents(root / "swept"),
    ),
    Writer("grid", _grid, lambda root: contents(root / "grid")),
    Writer("embed", _embed, _features),
    Writer(
        "loss train",
        lambda r: ["loss", "train", "ml3", *QUICK, "--offline-steps", 3, "--out", r / "ml3.json"],
        _json("ml3.json"),
    ),
    Writer(
        "loss search",
        lambda root: [
            *("loss", "search", "-m", "taylorglo", *QUICK, "--population", 5, "--steps", 5),
            *("--generations", 2, "--local-steps", 2, "--protocol-steps", 5),
            *("--out", root / "found.json"),
        ],
        _json("found.json"),
    ),
)


def start(words: list[object], root: Path) -> int:
    """Run a command in a child that has loaded everything already; its process id.

    Standard output and error go to a file of its number in the root.
    """
    torch.set_num_threads(1)  # before the fork: other threads would not be there after it
    if pid := os.fork():
        return pid
    code = 70
    try:
        os.setsid()
        out = os.open(root / f"out-{os.getpid()}", os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.environ["FSBENCH_CACHE"] = str(root / "cache")
        sys.stdout, sys.stderr = (os.fdopen(number, "w") for number in (1, 2))
        sys.argv = ["fsbench", *map(str, words)]
        from fewshot_bench.cli import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 70
    finally:
        sys.stdout.flush()
        os._exit(code)


def ended(pid: int) -> int:
    """Wait for a child; its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def said(root: Path, pid: int) -> str:
    """What a child has printed."""
    return (root / f"out-{pid}").read_text(errors="replace")
