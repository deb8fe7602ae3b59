"""Ray: the same results as on this machine, and a line where it is not there."""

import subprocess
import sys

import pytest

from tests.cli.common import fsbench
from tests.launch.chaos import COMMAND
from tests.launch.common import contents, sweep_file


def test_a_local_cluster_gives_the_results_of_processes(tiny_folder, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    file = sweep_file(tmp_path / "a.toml", tiny_folder)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("FSBENCH_CACHE", str(tmp_path / "ray"))
    words = [*COMMAND, str(file), "--engine", "ray", "--jobs", "2", "--out", str(tmp_path / "a")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    monkeypatch.setenv("FSBENCH_CACHE", str(tmp_path / "local"))
    fsbench("sweep", file, "--jobs", 2, "--out", tmp_path / "b")
    assert len(contents(tmp_path / "a")) == 24
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_gpus_that_are_not_there_are_one_line(tiny_folder, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    file = sweep_file(tmp_path / "a.toml", tiny_folder, ray={"gpus": 1000.5})
    words = [*COMMAND, str(file), "--engine", "ray", "--quiet", "--out", str(tmp_path / "a")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "fsbench: [ray] gpus = 1000.5 for each job, but Ray has" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_ray_it_is_one_line(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    file = sweep_file(tmp_path / "a.toml", tiny_folder, seeds=[0], grid=None)
    words = ("--engine", "ray", "--quiet", "--out", tmp_path / "a")
    _, err = fsbench("sweep", file, *words, code=2)
    assert err == "fsbench: --engine ray needs Ray: pip install 'fewshot-bench[cluster]'\n"
