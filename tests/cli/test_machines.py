"""What programs need of ``evaluate`` and ``compare``: JSON, silence, exit codes of signals."""

import json
import os
import signal
from unittest import mock

import pytest

from fewshot_bench.evaluation.result import read_result
from fewshot_bench.stats import mean_ci
from tests.cli.common import fsbench
from tests.tiny import SIZE

SETTINGS = ("n_query=4", "n_way=3")
FAST = ("evaluate.episodes=30", "train.steps=4", "train.val_every=2", "train.val_episodes=5")


@pytest.fixture
def on(tiny_folder):
    settings = (*(f"task.{text}" for text in SETTINGS), *FAST)
    words = [word for text in settings for word in ("--set", text)]
    return ("--benchmark", f"folder:{tiny_folder}", "--image-size", SIZE, "-m", "protonet", *words)


def test_a_result_as_json_is_the_stored_one(on, tmp_path):
    command = ("evaluate", *on, "--backbone", "conv4-32", "--json", "--quiet", "--seeds", "0-1")
    out, err = fsbench(*command, "--out", tmp_path)
    assert err == ""
    table = json.loads(out)
    assert (table["method"], table["setting"], table["episodes"]) == ("protonet", "inductive", 30)
    assert table["interval"]["estimand"] == "method"
    assert [row["seed"] for row in table["results"]] == [0, 1]
    for seed, row in enumerate(table["results"]):
        stored = read_result(tmp_path / f"seed-{seed}")
        assert row["folder"] == str(tmp_path / f"seed-{seed}")
        assert row["result_id"] == stored.document.result_id
        assert row["accuracy"] == pytest.approx(stored.columns["n_correct"].mean() / 12)


def test_numbers_that_are_not_known_are_null(on, tmp_path):
    out, _ = fsbench("evaluate", *on, "--episodes", 1, "--json", "--out", tmp_path)
    assert "NaN" not in out
    assert json.loads(out)["interval"]["low"] is None


def test_quiet_says_the_accuracy_and_where_the_result_is(on, tmp_path):
    out, err = fsbench("evaluate", *on, "--quiet", "--out", tmp_path / "a")
    accuracy, *flags, folder = out.splitlines()
    assert err == ""
    mean = 100 * mean_ci(read_result(tmp_path / "a").accuracy).mean
    assert accuracy.startswith(f"accuracy {mean:.2f} %")
    assert all(line.startswith("take care") for line in flags)
    assert folder == f"result: {tmp_path / 'a'}"


def test_a_quiet_comparison_is_two_tables(on, tmp_path):
    for name in ("mean", "other"):
        fsbench(
            "evaluate",
            *on,
            "--episodes",
            100,
            "--set",
            f"train.lr={len(name)}e-3",
            "--out",
            tmp_path / name,
        )
    said, _ = fsbench("compare", tmp_path / "mean", tmp_path / "other")
    quiet, _ = fsbench("compare", tmp_path / "mean", tmp_path / "other", "--quiet")
    assert said.startswith(quiet.rstrip())
    assert "episodes; differences are about" in said
    assert "about" not in quiet


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_training_exits_with_the_code_of_its_signal(on, number, code):
    def stop(*_):
        os.kill(os.getpid(), number)

    new = ("--set", f"train.seed={code}")
    with mock.patch("fewshot_bench.cli.progress.TrainingDisplay.step", stop):
        _, err = fsbench("train", *on, *new, code=code)
    assert err.splitlines()[-1] == (
        "fsbench: stopped after step 1; the same command goes on from there"
    )
    assert signal.set_wakeup_fd(-1) == -1
