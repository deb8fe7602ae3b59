"""A tiny benchmark on disk, and a run on it that takes a second."""

from pathlib import Path

import numpy as np
from PIL import Image

from fewshot_bench.config import RunConfig, validated
from fewshot_bench.registry import METHODS

SIZE = 16
SMALL = {  # options that keep a family's tests quick, and TIM's steps from amplifying rounding
    "npbml": {"relation_widths": (8, 8, 8, 8)},
    "tim-adm": {"refiner_options": {"steps": 5}},
    "tim-gd": {"refiner_options": {"steps": 5}},
    "alpha-tim": {"refiner_options": {"steps": 5}},
    "ilpc": {"refiner_options": {"steps": 5}},
}
STAGES = {
    "classify": {"steps": 2, "batch": 8, "val_every": 2, "val_episodes": 5},
    "relation": {"steps": 2, "val_every": 2, "val_episodes": 2},
}
CLASSES = {"train": 8, "val": 6, "test": 7}
PER_CLASS = 9


def make_folder(root: Path) -> Path:
    """``train|val|test/<class>/<image>.png``: noisy copies of one random pattern per class."""
    random = np.random.Generator(np.random.Philox(5))
    for split, n_classes in CLASSES.items():
        for c in range(n_classes):
            folder = root / split / f"{split}{c}"
            folder.mkdir(parents=True)
            pattern = random.integers(0, 256, (SIZE, SIZE, 3))
            for i in range(PER_CLASS):
                noisy = pattern + random.integers(-60, 60, pattern.shape)
                Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
    return root


def tiny_config(folder: Path, method: str = "protonet", **train: object) -> RunConfig:
    """A configuration with a handful of steps."""
    return validated(
        RunConfig,
        {
            "method": method,
            "benchmark": f"folder:{folder}",
            "backbone": "conv4-32",
            "image_size": SIZE,
            "task": {"n_way": 3, "n_shot": 1, "n_query": 4},
            "stages": STAGES if METHODS.entry(method).recipe == "pretrained" else {},
            "options": SMALL.get(method.partition("[")[0], {}),
            "train": {"steps": 6, "meta_batch": 2, "val_every": 2, "val_episodes": 10, **train},
            "evaluate": {"episodes": 30},
        },
    )
