"""The how-to pages run as they are written, with smaller networks and trainings."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from fewshot_bench.registry import METHODS
from tests.cli.common import fsbench

FOLDER = Path(__file__).parents[1] / "docs" / "howto"
FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
SHORT = [
    "--backbone",
    "conv4-32",
    "--set",
    "train.steps=2",
    "--set",
    "train.val_every=2",
    "--set",
    "train.val_episodes=5",
]
# What each page leaves behind.
MADE = {
    "cross-domain": [],
    "grid": [],
    "ray": [],
    "sweep": [],
    "cluster": ["results/protonet/seed-2/result.json", "results/matching-net/seed-0/result.json"],
    "embeddings": ["mine.npz"],
    "own-images": ["photos/split.csv", "sheet.png", "results/matching-net", "support.safetensors"],
    "own-method": ["nearest.py", "results/mine/result.json"],
    "own-module": ["results/mine/result.json", "results/protonet/result.json"],
}
# Stand-ins on the path. Slurm runs each task of an array, or the command; fsbench notes its words.
SBATCH = """#!/bin/bash
while [[ $1 == --parsable || $1 == --dependency=afterok:17 ]]; do shift; done
[[ $1 == --wrap ]] && exec bash -c "$2"
tasks=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\)$/\\1/p' "$1")
for SLURM_ARRAY_TASK_ID in $(seq 0 "${tasks:-0}"); do
  export SLURM_ARRAY_TASK_ID
  bash "$1" || exit 1
done
echo 17
"""
FSBENCH = """#!/bin/bash
printf '%q ' "$@" >> "$JOURNAL"
echo >> "$JOURNAL"
"""


def write_images(folder, classes, each):
    random = np.random.default_rng(len(classes))
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(each):
            pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One cache for all pages, so that the data are made once."""
    return tmp_path_factory.mktemp("howto")


@pytest.fixture
def place(shared, tmp_path, monkeypatch):
    """The folder in which the reader is, with images and a cluster."""
    monkeypatch.setenv("FSBENCH_CACHE", str(shared))
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "photos", [f"class{i:02d}" for i in range(27)], 7)
    write_images(tmp_path / "support", ["cat", "dog"], 2)
    shutil.copytree(tmp_path / "support" / "cat", tmp_path / "queries")
    for name, script in (("sbatch", SBATCH), ("fsbench", FSBENCH)):
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(script)
        file.chmod(0o755)
    return tmp_path


def run_commands(text):
    """Run the lines of a block; fsbench in this process, since importing torch takes seconds."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if words[0] == "export":
            continue  # the test has a cache of its own
        assert words.pop(0) == "fsbench", line
        if words[0] in ("train", "evaluate"):
            words += [*SHORT, *(["--episodes", "100"] if words[0] == "evaluate" else [])]
        METHODS.entry("protonet")  # fills the registry, which then forgets what a plug-in adds
        with mock.patch.object(METHODS, "_entries", dict(METHODS._entries)):
            out, _ = fsbench(*words)
        if words[0] == "train":
            shutil.copy(re.findall(r"^model: (.*)$", out, re.MULTILINE)[0], ".")


def run_script(text, place):
    """Run a script as a shell does, and then what it wanted fsbench to do."""
    journal = place / "journal"
    journal.write_text("")
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "JOURNAL": str(journal)}
    subprocess.run(["bash", "-euc", text], env=env, check=True, capture_output=True)
    wanted = journal.read_text().splitlines()
    assert wanted
    run_commands("\n".join(f"fsbench {line}" for line in wanted))


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_a_page_runs(name, place):
    names = {}
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    for language, file, block in FENCE.findall(text):
        if file:
            (place / file).write_text(block, encoding="utf-8")
        elif language == "python":
            exec(compile(block, f"{name}.md", "exec"), names)
        elif language == "bash":
            run_script(block, place)
        elif language in ("console", "toml"):
            continue  # needs data or weights that a test does not have
        else:
            assert language == "sh"
            run_commands(block)
    assert all((place / path).exists() for path in MADE[name])


def test_all_pages_are_run():
    assert {page.stem for page in FOLDER.glob("*.md")} == set(MADE)
