"""The example package works as an installed one does: its entry point is all that names it."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import torch

EXAMPLE = Path(__file__).parents[1] / "examples" / "fsbench-matching"

RUN = """
import sys
from fewshot_bench.cli.app import app
app(["list", "methods", "--json"], standalone_mode=False)
print("----")
app(sys.argv[1:], standalone_mode=False)
"""


def install(folder):
    """What pip leaves of the package: its metadata, here made from its pyproject.toml."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    metadata = folder / f"fsbench_matching-{project['version']}.dist-info"
    metadata.mkdir()
    facts = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (metadata / "METADATA").write_text(facts)
    points = project["entry-points"]["fewshot_bench.methods"]
    lines = [f"{name} = {value}" for name, value in points.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[fewshot_bench.methods]", *lines]))


def test_it_is_listed_trained_and_evaluated(tmp_path, tiny_folder):
    install(tmp_path)
    path = os.pathsep.join([str(tmp_path), str(EXAMPLE), os.environ.get("PYTHONPATH", "")])
    steps = ("train.steps=4", "train.val_every=2", "train.val_episodes=10", "train.n_query=4")
    options = [word for step in (*steps, "options.sharpness=20") for word in ("--set", step)]
    where = ["-b", f"folder:{tiny_folder}", "--image-size", "16", "--backbone", "conv4-32"]
    shape = ["--n-way", "3", "--n-query", "4", "--episodes", "40", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", RUN, "evaluate", "-m", "matching", *where, *shape, *options],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    listing, _, evaluation = done.stdout.partition("----")
    [entry] = [e for e in json.loads(listing) if e["name"] == "matching"]
    assert entry["summary"] == "from fsbench-matching"
    assert "matching (inductive)" in evaluation
    info = json.loads((tmp_path / "out" / "result.json").read_text())
    assert info["method"]["config"]["options"] == {"sharpness": 20.0}
    assert info["summary"]["accuracy"] > 1 / 3


def test_probabilities_are_the_attention_paid_to_each_class(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLE)
    from fsbench_matching import log_shares

    similarity = np.random.default_rng(0).normal(size=(4, 6))
    labels = np.array([2, 0, 1, 0, 2, 1])
    weights = np.exp(similarity) / np.exp(similarity).sum(axis=1, keepdims=True)
    expected = np.stack([weights[:, labels == c].sum(axis=1) for c in range(3)], axis=1)
    got = log_shares(torch.tensor(similarity), torch.tensor(labels), 3).exp()
    np.testing.assert_allclose(got, expected, rtol=1e-12)
