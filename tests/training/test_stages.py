"""Trainings of several stages: stopped or killed in any of them, they end as unbroken ones do."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from fewshot_bench.errors import ConfigError, Interrupted
from fewshot_bench.files import cache_folder
from fewshot_bench.training.checkpoint import load_checkpoint
from fewshot_bench.training.fit import STATE
from fewshot_bench.training.run import prepare_run, train
from tests.tiny import tiny_config
from tests.training.test_meta_train import facts, same

STAGES = ["pre-training", "relation network", "training"]


class Watcher:
    """Remembers the stages, and can stop one as Ctrl-C does."""

    def __init__(self, stop_in=None):
        self.stop_in, self.seen, self.values = stop_in, [], {}

    def begin(self, what, steps, per_step):
        assert steps > 0
        assert per_step > 0
        self.seen.append([what])

    def step(self, step, per_step, loss):
        assert loss == loss
        self.seen[-1].append(step)
        if self.stop_in == self.seen[-1][0]:
            os.kill(os.getpid(), signal.SIGINT)

    def validation(self, step, accuracy, best):
        self.values.setdefault(self.seen[-1][0], []).append(accuracy)


def trained(folder, cache, monkeypatch, watcher=None, method="npbml", **settings):
    monkeypatch.setenv("FSBENCH_CACHE", str(cache))
    config = tiny_config(folder, method, steps=4)
    if settings:
        config = config.model_copy(update=settings)
    run = prepare_run(config, "cpu")
    return run, train(run, watcher or Watcher())


@pytest.fixture
def whole(tiny_folder, tmp_path, monkeypatch):
    return trained(tiny_folder, tmp_path / "whole", monkeypatch)[1]


def test_stages_come_in_their_order_and_the_model_says_what_it_began_with(
    tiny_folder, tmp_path, monkeypatch
):
    watcher = Watcher()
    _, model = trained(tiny_folder, tmp_path, monkeypatch, watcher)
    assert [stage[0] for stage in watcher.seen] == STAGES
    assert model.info["parts"].keys() == {"pretrain", "relation"}
    assert model.info["config"]["pretrain"]["steps"] == 2


@pytest.mark.parametrize("stage", STAGES)
def test_a_training_stopped_in_any_stage_ends_with_the_same_parameters(
    stage, whole, tiny_folder, tmp_path, monkeypatch
):
    with pytest.raises(Interrupted, match="the same command goes on"):
        trained(tiny_folder, tmp_path / "b", monkeypatch, Watcher(stop_in=stage))
    watcher = Watcher()
    _, resumed = trained(tiny_folder, tmp_path / "b", monkeypatch, watcher)
    assert watcher.seen[0][:2] == [stage, 2]
    assert [s[0] for s in watcher.seen] == STAGES[STAGES.index(stage) :]
    assert same(whole, resumed)
    assert facts(whole) == facts(resumed)


@pytest.mark.parametrize("stage", ["pretrain", "relation", "runs"])
def test_a_training_killed_in_any_stage_ends_with_the_same_parameters(
    stage, whole, tiny_folder, tmp_path, monkeypatch
):
    code = (
        "import sys, time, tests.training.test_stages as t, fewshot_bench.training.fit as f;"
        "from pathlib import Path; f.SAVE_SECONDS = 0.0;"
        "t.Watcher.step = lambda *a: time.sleep(0.05);"
        "t.train(t.prepare_run(t.tiny_config(Path(sys.argv[1]), 'npbml', steps=4), 'cpu'),"
        " t.Watcher())"
    )
    cache = tmp_path / "b"
    env = {**os.environ, "FSBENCH_CACHE": str(cache)}
    process = subprocess.Popen([sys.executable, "-c", code, str(tiny_folder)], env=env)
    deadline = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < deadline:
        if any(stage in str(path) for path in cache.rglob(STATE)):
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    _, resumed = trained(tiny_folder, cache, monkeypatch)
    assert same(whole, resumed)


def test_methods_share_what_is_trained_before_them(tiny_folder, tmp_path, monkeypatch):
    trained(tiny_folder, tmp_path, monkeypatch)
    watcher = Watcher()
    trained(tiny_folder, tmp_path, monkeypatch, watcher, method="npbml[init+opt]")
    assert [stage[0] for stage in watcher.seen] == ["training"]


def test_frozen_blocks_are_those_of_pre_training_and_the_others_are_not(
    tiny_folder, tmp_path, monkeypatch
):
    _, model = trained(tiny_folder, tmp_path, monkeypatch)
    [part] = cache_folder().glob("parts/*/pretrain-*/part.safetensors")
    before = load_checkpoint(part).params
    for name, value in before.items():
        if name.startswith(("backbone.block1", "backbone.block2", "backbone.block3")):
            assert torch.equal(model.params[name], value), name
    assert not torch.equal(
        model.params["backbone.block4.conv.weight"], before["backbone.block4.conv.weight"]
    )


def test_pre_training_keeps_the_highest_accuracy_of_prototypes(tiny_folder, tmp_path, monkeypatch):
    config = tiny_config(tiny_folder, "npbml")
    longer = config.pretrain.model_copy(update={"steps": 12, "val_every": 2, "lr": 0.2})
    watcher = Watcher()
    _, model = trained(tiny_folder, tmp_path, monkeypatch, watcher, pretrain=longer)
    values = watcher.values["pre-training"]
    chosen = model.info["parts"]["pretrain"]
    assert chosen["value"] == max(values)
    assert chosen["step"] == 2 * (1 + values.index(max(values)))
    assert chosen["n_candidates"] == 6


def test_any_method_can_start_from_a_pre_trained_backbone(tiny_folder, tmp_path, monkeypatch):
    pretrain = tiny_config(tiny_folder, "npbml").pretrain
    plain, _ = trained(tiny_folder, tmp_path, monkeypatch, method="protonet")
    watcher = Watcher()
    run, model = trained(
        tiny_folder, tmp_path, monkeypatch, watcher, method="protonet", pretrain=pretrain
    )
    assert [stage[0] for stage in watcher.seen] == ["pre-training", "training"]
    assert run.folder != plain.folder
    assert model.info["parts"].keys() == {"pretrain"}


def test_pre_training_takes_any_loss_by_name(tiny_folder, tmp_path, monkeypatch):
    config = tiny_config(tiny_folder, "npbml")
    models = []
    for loss in ("cross_entropy", "sparse_lsr"):
        pretrain = config.pretrain.model_copy(update={"loss": loss})
        models.append(trained(tiny_folder, tmp_path, monkeypatch, pretrain=pretrain)[1])
    assert not same(*models)
    unknown = config.pretrain.model_copy(update={"loss": "sparse"})
    with pytest.raises(ConfigError, match="did you mean"):
        trained(tiny_folder, tmp_path, monkeypatch, pretrain=unknown)


def test_a_frozen_backbone_that_nothing_trained_is_refused(tiny_folder):
    config = tiny_config(tiny_folder, "npbml")
    untrained = config.pretrain.model_copy(update={"steps": 0})
    with pytest.raises(ConfigError, match=r"set pretrain.steps, or options.trunk=learned"):
        prepare_run(config.model_copy(update={"pretrain": untrained}), "cpu")
