"""A sweep of 24 cells that takes seconds, and what its results must have in common."""

import json
from pathlib import Path

import tomli_w

from fewshot_bench.evaluation.result import EPISODES, RESULT
from tests.tiny import SIZE, STAGES

SETTINGS = {
    "image_size": SIZE,
    "task": {"n_query": 4},
    "train": {"steps": 4, "meta_batch": 2, "val_every": 2, "val_episodes": 5},
    "evaluate": {"episodes": 30},
    "stages": {"classify": STAGES["classify"]},
}
TABLE = {  # 2 methods x 2 shots x 3 seeds x 2 lists of episodes
    "methods": ["protonet", "simpleshot"],
    "backbones": ["conv4-32"],
    "ways": [3],
    "shots": [1, 2],
    "seeds": [0, 1, 2],
    "device": "cpu",
    "settings": SETTINGS,
    "grid": {"evaluate.seed": [0, 1]},
}


def sweep_file(path: Path, folder: Path, **changes: object) -> Path:
    """The file of a sweep on a folder of images; None takes a key away."""
    table = {**TABLE, "benchmarks": [f"folder:{folder}"], **changes}
    path.write_text(tomli_w.dumps({k: v for k, v in table.items() if v is not None}))
    return path


def contents(out: Path) -> dict[str, tuple[bytes, str]]:
    """What the results of a sweep hold, by relative folder: bytes of one file, text of the other.

    The other one has the time of its making and durations, which are left out.
    """
    found = {}
    for file in sorted(out.rglob(RESULT)):
        table = json.loads(file.read_text(encoding="utf-8"))
        del table["created_utc"], table["timing"]
        episodes = (file.parent / EPISODES).read_bytes()
        place = str(file.parent.relative_to(out))
        found[place] = episodes, json.dumps(table, sort_keys=True)
    return found
