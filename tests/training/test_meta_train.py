"""Training: the same numbers whatever happened on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from unittest.mock import Mock

import pytest
import torch

from fewshot_bench.config import TrainConfig
from fewshot_bench.errors import ConfigError, Interrupted, TrainingError
from fewshot_bench.methods.base import Objective
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.registry import METHODS
from fewshot_bench.training import fit
from fewshot_bench.training.fit import STATE
from fewshot_bench.training.log import TrainingLog, learning_curve
from fewshot_bench.training.meta_train import MetaTraining, learning_rate, meta_train
from fewshot_bench.training.run import MODEL, prepare_run, train
from tests.tiny import tiny_config


class Quiet:
    """An observer that remembers, and can stop a training as Ctrl-C does."""

    def __init__(self, signal_at=None):
        self.stages, self.steps, self.accuracies = [], [], []
        self.signal_at, self.per_step = signal_at, 2

    def begin(self, what, steps, per_step):
        self.stages.append((what, steps))
        self.per_step = per_step

    def step(self, step, episodes, loss):
        assert episodes == self.per_step
        assert loss == loss
        self.steps.append(step)
        if step == self.signal_at:
            os.kill(os.getpid(), signal.SIGINT)

    def validation(self, step, accuracy, best):
        assert step % 2 == 0
        assert 0 <= accuracy <= best <= 1
        self.accuracies.append(accuracy)


def trained(config, cache, monkeypatch, observer=None, strategy="auto"):
    monkeypatch.setenv("FSBENCH_CACHE", str(cache))
    run = prepare_run(config, "cpu", strategy=strategy)
    return run, train(run, observer or Quiet())


def facts(model):
    """What a model file says of itself, but for how long it took."""
    return {key: value for key, value in model.info.items() if key != "seconds"}


def same(a, b):
    return a.params.keys() == b.params.keys() and all(
        torch.equal(value, b.params[name]) for name, value in a.params.items()
    )


@pytest.fixture(params=["protonet", "maml", "maml++"])
def config(request, tiny_folder):
    return tiny_config(tiny_folder, request.param)


def test_the_same_configuration_gives_the_same_parameters(config, tmp_path, monkeypatch):
    _, one = trained(config, tmp_path / "a", monkeypatch)
    _, two = trained(config, tmp_path / "b", monkeypatch)
    assert same(one, two)
    assert facts(one) == facts(two)


def test_a_stopped_run_ends_with_the_same_parameters(config, tmp_path, monkeypatch):
    _, whole = trained(config, tmp_path / "a", monkeypatch)
    with pytest.raises(Interrupted, match="after step 3"):
        trained(config, tmp_path / "b", monkeypatch, Quiet(signal_at=3))
    observer = Quiet()
    run, resumed = trained(config, tmp_path / "b", monkeypatch, observer)
    assert observer.steps == [4, 5, 6]
    assert same(whole, resumed)
    assert facts(whole) == facts(resumed)
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log if "loss" in line] == [1, 2, 3, 4, 5, 6]


def test_a_killed_run_ends_with_the_same_parameters(tiny_folder, tmp_path, monkeypatch):
    config = tiny_config(tiny_folder, steps=60)
    _, whole = trained(config, tmp_path / "a", monkeypatch)
    code = (
        "import sys, tests.training.test_meta_train as t, fewshot_bench.training.fit as m;"
        "from pathlib import Path; m.SAVE_SECONDS = 0.0;"
        "t.train(t.prepare_run(t.tiny_config(Path(sys.argv[1]), steps=60), 'cpu'), t.Quiet())"
    )
    env = {**os.environ, "FSBENCH_CACHE": str(tmp_path / "b")}
    process = subprocess.Popen([sys.executable, "-c", code, str(tiny_folder)], env=env)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "b").rglob(STATE)) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    observer = Quiet()
    _, resumed = trained(config, tmp_path / "b", monkeypatch, observer)
    assert 1 < observer.steps[0] <= 60
    assert same(whole, resumed)


def test_a_finished_run_is_found_again(config, tmp_path, monkeypatch):
    _, one = trained(config, tmp_path, monkeypatch)
    observer = Quiet()
    run, two = trained(config, tmp_path, monkeypatch, observer)
    assert observer.steps == []
    assert same(one, two)
    assert (run.folder / MODEL).exists()
    assert not (run.folder / STATE).exists()


def test_another_seed_is_another_run(tiny_folder, tmp_path, monkeypatch):
    first, one = trained(tiny_config(tiny_folder, seed=0), tmp_path, monkeypatch)
    second, two = trained(tiny_config(tiny_folder, seed=1), tmp_path, monkeypatch)
    assert first.folder != second.folder
    assert not same(one, two)


def test_the_best_validation_is_kept(tiny_folder, tmp_path, monkeypatch):
    observer = Quiet()
    _, checkpoint = trained(tiny_config(tiny_folder, steps=10), tmp_path, monkeypatch, observer)
    selection = checkpoint.info["selection"]
    assert selection["value"] == max(observer.accuracies)
    assert selection["step"] == 2 * (1 + observer.accuracies.index(selection["value"]))
    assert selection["n_candidates"] == len(observer.accuracies) == 5


def test_training_learns(tiny_folder, tmp_path, monkeypatch):
    observer = Quiet()
    trained(tiny_config(tiny_folder, steps=40, lr=3e-3), tmp_path, monkeypatch, observer)
    assert max(observer.accuracies) > 0.8  # chance is 1/3


def test_a_diverging_run_names_episode_and_inner_step(tiny_folder, tmp_path, monkeypatch):
    config = tiny_config(tiny_folder, "maml", steps=6)
    config = config.model_copy(update={"options": {"lr": 1e38}})
    with pytest.raises(
        TrainingError, match=r"step 1, episode 0: the inner loss is \w+ in inner step"
    ):
        trained(config, tmp_path, monkeypatch)


def test_divergence_keeps_the_last_good_state(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "SAVE_SECONDS", 0.0)
    config = tiny_config(tiny_folder, "maml")
    original = GradientLearner.episode_loss

    def poisoned(self, params, episode):
        loss, seen = original(self, params, episode)
        return Objective(loss * float("nan") if episode.number == 7 else loss, seen)

    with monkeypatch.context() as patch:
        patch.setattr(GradientLearner, "episode_loss", poisoned)
        with pytest.raises(TrainingError, match="step 4, episode 7: the loss is nan"):
            trained(config, tmp_path / "a", monkeypatch)
    _, resumed = trained(config, tmp_path / "a", monkeypatch)
    _, whole = trained(config, tmp_path / "b", monkeypatch)
    assert same(whole, resumed)


@pytest.mark.parametrize("strategy", ["sequential", "vmap"])
def test_a_gradient_that_is_not_finite_ends_a_training_too(
    strategy, tiny_folder, tmp_path, monkeypatch
):
    """Batch normalisation keeps losses finite where the gradients through many steps overflow."""
    monkeypatch.setattr(fit, "SAVE_SECONDS", 0.0)
    config = tiny_config(tiny_folder, "maml", steps=2)
    config = config.model_copy(update={"options": {"steps": 8, "lr": 80.0}})
    with pytest.raises(TrainingError, match=r"step 1, episode \d: the gradient is not finite"):
        trained(config, tmp_path, monkeypatch, strategy=strategy)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_broken_lines_of_a_log_are_left_out(tmp_path):
    lines = ['{"step": 1, "val_accuracy": 0.5}', "{broken", "[]", '{"step": 2}', '{"step": "x"}']
    (tmp_path / "log.jsonl").write_text("\n".join(lines), errors="replace")
    assert learning_curve(tmp_path) == [(1, 0.5)]
    with TrainingLog(tmp_path, 1) as log:
        log.write(2, val_accuracy=0.75)
    assert learning_curve(tmp_path) == [(1, 0.5), (2, 0.75)]


@pytest.mark.parametrize("name", [entry.name for entry in METHODS])
def test_every_method_trains(name, tiny_folder, tmp_path, monkeypatch):
    shots = 2 if name == "ctx" else None  # who attends to one item alone learns no keys
    config = tiny_config(tiny_folder, name, steps=2, val_episodes=2, n_shot=shots)
    better = (number / 10 for number in range(10))  # or step 0 may be kept
    monkeypatch.setattr(MetaTraining, "validate", lambda self, params: next(better))
    run, checkpoint = trained(config, tmp_path, monkeypatch)
    fresh = run.method.init(torch.Generator().manual_seed(config.train.seed))
    assert checkpoint.params.keys() == fresh.keys()
    for key, value in checkpoint.params.items():
        assert value.isfinite().all(), key
        learned = run.method.traits.trains or key.startswith("backbone.")
        assert not (learned and torch.equal(value, fresh[key])), key


TOLD = []


class Scheduled(Delegating):
    """A method that writes down how it is scheduled."""

    def at(self, progress):
        TOLD.append(progress)
        return self.method


def test_a_scheduled_method_is_told_the_progress_of_each_step(tiny_folder, tmp_path):
    TOLD.clear()
    run = prepare_run(tiny_config(tiny_folder, steps=4), "cpu")
    plain, scheduled = run.method, Scheduled(run.method)
    loaders = [run.loader(split, run.test_task, 0) for split in ("train", "val")]
    states = [
        meta_train(MetaTraining(method, *loaders, run.config.train), tmp_path / folder, Quiet())
        for method, folder in ((plain, "a"), (scheduled, "b"))
    ]
    assert TOLD == [0.0, 0.25, 0.5, 0.75]
    assert all(torch.equal(p, states[1].params[n]) for n, p in states[0].params.items())


def test_cosine_schedule_starts_and_ends_where_it_says():
    config = TrainConfig(steps=100, lr=1e-2, lr_min=1e-4)
    assert learning_rate(config, 0) == 1e-2
    assert learning_rate(config, 50) == pytest.approx((1e-2 + 1e-4) / 2)
    assert learning_rate(config, 100) == pytest.approx(1e-4)
    low = TrainConfig(steps=100, lr=1e-6, lr_min=1e-4)
    assert {learning_rate(low, step) for step in range(100)} == {1e-6}
    constant = TrainConfig(steps=100, lr=1e-2, schedule="constant")
    assert {learning_rate(constant, step) for step in range(100)} == {1e-2}


def test_what_is_trained_already_is_a_candidate_itself(tiny_folder, tmp_path, monkeypatch):
    run = prepare_run(tiny_config(tiny_folder, steps=4), "cpu")
    loaders = [run.loader(split, run.test_task, 0) for split in ("train", "val")]
    work = MetaTraining(run.method, *loaders, run.config.train)
    given = run.method.init(torch.Generator().manual_seed(7))
    values = iter([0.9, 0.5, 0.6])  # steps 0, 2 and 4
    monkeypatch.setattr(MetaTraining, "validate", lambda self, params: next(values))
    state = meta_train(work, tmp_path, Quiet(), given)
    assert (state.selection["step"], state.selection["n_candidates"]) == (0, 3)
    assert all(torch.equal(state.kept[name], value) for name, value in given.items())
    assert learning_curve(tmp_path) == [(0, 0.9), (2, 0.5), (4, 0.6)]


def test_groups_of_parameters_have_rates_of_their_own(tiny_folder, tmp_path, caplog):
    run = prepare_run(tiny_config(tiny_folder, steps=1, lr=0.01, schedule="constant"), "cpu")
    loaders = [run.loader(split, run.test_task, 0) for split in ("train", "val")]
    before = run.method.init(torch.Generator().manual_seed(run.config.train.seed))

    def moved(name, **rates):
        config = run.config.train.model_copy(update={"rates": rates})
        state = meta_train(MetaTraining(run.method, *loaders, config), tmp_path / name, Mock())
        return {key: (value - before[key]).abs().max() for key, value in state.kept.items()}

    rates = {"backbone.block1": 0.1, "backbone.block1.norm": 0.0}
    plain, other = moved("a"), moved("b", **rates)
    # The first step of Adam is as long as its rate wherever there is a gradient.
    for name in ("block1.conv.weight", "block2.conv.weight"):
        assert plain[f"backbone.{name}"] == pytest.approx(0.01, rel=1e-3)
    assert other["backbone.block1.conv.weight"] == pytest.approx(0.001, rel=1e-3)
    assert other["backbone.block1.norm.weight"] == 0
    assert other["backbone.block2.norm.weight"] == plain["backbone.block2.norm.weight"] > 0
    assert moved("c", film=0.1) == plain
    assert "no parameter that is trained begins with 'film'" in caplog.text


def test_a_curve_has_each_step_once(tmp_path):
    steps = [2, 4, 2, 4]
    lines = [json.dumps({"step": step, "val_accuracy": step / 10}) for step in steps]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    assert learning_curve(tmp_path) == [(2, 0.2), (4, 0.4)]


class Empty(Delegating):
    """A method that says it trains, but has no parameters."""

    def init(self, generator):
        return {}


def test_a_method_without_parameters_is_refused(tiny_folder, tmp_path):
    run = prepare_run(tiny_config(tiny_folder), "cpu")
    loaders = [run.loader(split, run.test_task, 0) for split in ("train", "val")]
    work = MetaTraining(Empty(run.method), *loaders, run.config.train)
    with pytest.raises(ConfigError, match="no parameters to train"):
        meta_train(work, tmp_path, Quiet())
