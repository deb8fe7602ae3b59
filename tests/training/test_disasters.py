"""A full disk, a removed folder, a TensorBoard that hangs and impatient people, in mid-training."""

import os
import shutil
import signal
import subprocess
import sys
import threading

import pytest

from fewshot_bench.errors import FsbenchError
from fewshot_bench.training import fit, log
from fewshot_bench.training.board import Board, open_board
from fewshot_bench.training.run import MODEL, prepare_run, train
from tests.tiny import tiny_config
from tests.training.test_meta_train import Quiet, same

HANGING = """
import sys, threading
from pathlib import Path
from fewshot_bench.cli import main
from fewshot_bench.training import log
from fewshot_bench.training.board import Board, open_board

class Hung:
    def add(self, *_):
        threading.Event().wait()

log.open_board = lambda *_: Board(Hung)
sys.argv = ["fsbench", *sys.argv[1:]]
main()
"""


class Doing(Quiet):
    """An observer that does something after a step."""

    def __init__(self, at, what):
        super().__init__()
        self.at, self.what = at, what

    def step(self, step, episodes, loss):
        super().step(step, episodes, loss)
        if step == self.at:
            self.what()


@pytest.fixture
def run(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("FSBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fit, "SAVE_SECONDS", 0.0)  # the state is saved after every step
    return prepare_run(tiny_config(tiny_folder, steps=6), "cpu")


@pytest.fixture
def undisturbed(tiny_folder, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("FSBENCH_CACHE", str(tmp_path / "calm"))
        return train(prepare_run(tiny_config(tiny_folder, steps=6), "cpu"), Quiet())


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_full_disk_is_one_line_and_the_training_goes_on_later(run, undisturbed):
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))

    try:
        with pytest.raises(FsbenchError, match=r"can't write .*File too large") as error:
            train(run, Doing(3, fill))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert "\n" not in str(error.value)
    drafts = [path for path in run.folder.iterdir() if path.name.startswith(".fsbench")]
    assert drafts == []
    watcher = Quiet()
    assert same(train(run, watcher), undisturbed)
    assert watcher.steps[0] in (3, 4)  # it goes on from the last state that was whole


def test_a_folder_that_is_removed_changes_nothing_that_is_learned(run, undisturbed):
    model = train(run, Doing(3, lambda: shutil.rmtree(run.folder)))
    assert same(model, undisturbed)
    assert (run.folder / MODEL).is_file()


def test_a_tensorboard_that_hangs_is_not_waited_for():
    hung = threading.Event()

    class Hung:
        def add(self, *_):
            hung.set()
            threading.Event().wait()

    board = Board(Hung)
    for step in range(1000):
        board.write(step, {"loss": 1.0})
    assert hung.wait(60)
    board.close(0.01)


def test_a_tensorboard_that_fails_is_a_note(caplog):
    class Full:
        def add(self, *_):
            raise OSError(28, "No space left on device")

    board = Board(Full)
    board.write(1, {"loss": 1.0})
    board.close(60)
    assert "TensorBoard's files end here: [Errno 28] No space left on device" in caplog.text


def test_numbers_reach_tensorboard_in_their_order(tmp_path, monkeypatch):
    seen = []

    class Kept:
        def add(self, step, values):
            seen.append((step, values))

        def close(self):
            seen.append("closed")

    monkeypatch.setattr(log, "open_board", lambda *_: Board(Kept))
    with log.TrainingLog(tmp_path) as writer:
        for step in (1, 2):
            writer.write(step, loss=step / 2)
    assert seen == [(1, {"loss": 0.5}), (2, {"loss": 1.0}), "closed"]


def test_tensorboard_reads_what_was_written(tmp_path):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for resume_step in (0, 1):  # the second training goes on after step 1
        board = open_board(tmp_path, resume_step)
        for step in (resume_step + 1, resume_step + 2):
            board.write(step, {"loss": step + resume_step / 4})
        board.close(60)
    found = reading.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [
        (1, 1.0),
        (2, 2.25),
        (3, 3.25),
    ]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_second_interrupt_ends_a_training_whose_tensorboard_hangs(tiny_folder, tmp_path):
    words = ["train", "--method", "protonet", "--benchmark", f"folder:{tiny_folder}"]
    words += ["--backbone", "conv4-32", "--device", "cpu"]
    for setting in ("image_size=16", "task.n_way=3", "task.n_query=4", "train.steps=1000000"):
        words += ["--set", setting]
    env = {**os.environ, "FSBENCH_CACHE": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", HANGING, *words]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        logs = iter(lambda: list(tmp_path.rglob("log.jsonl")), None)
        while not any(path.stat().st_size for path in next(logs)) and process.poll() is None:
            threading.Event().wait(0.1)
        process.send_signal(signal.SIGINT)
        threading.Event().wait(0.2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
