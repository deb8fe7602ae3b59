"""Trainings of several stages: stopped or killed in any of them, they end as unbroken ones do."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from fewshot_bench.errors import CheckpointError, ConfigError, Interrupted
from fewshot_bench.files import cache_folder
from fewshot_bench.training import fit
from fewshot_bench.training.checkpoint import load_checkpoint
from fewshot_bench.training.fit import STATE
from fewshot_bench.training.run import MODEL, load_trained, prepare_run, train
from fewshot_bench.training.stages import total
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

    @property
    def stages(self):
        """The trainings; banks of activations are none."""
        return [what for what, *_ in self.seen if not what.startswith("activations")]

    def validation(self, step, accuracy, best):
        self.values.setdefault(self.seen[-1][0], []).append(accuracy)


def trained(folder, cache, monkeypatch, watcher=None, method="npbml", **settings):
    monkeypatch.setenv("FSBENCH_CACHE", str(cache))
    config = tiny_config(folder, method, steps=4)
    if settings:
        config = config.model_copy(update=settings)
    run = prepare_run(config, "cpu")
    return run, train(run, watcher or Watcher())


def classifying(folder, **settings):
    """Stages of NPBML with other settings of the pre-training."""
    stages = tiny_config(folder, "npbml").stages
    return {**stages, "classify": stages["classify"].model_copy(update=settings)}


def only_classifying(folder):
    return {"classify": classifying(folder)["classify"]}


@pytest.fixture
def whole(tiny_folder, tmp_path, monkeypatch):
    return trained(tiny_folder, tmp_path / "whole", monkeypatch)[1]


def test_stages_come_in_their_order_and_the_model_says_what_it_began_with(
    tiny_folder, tmp_path, monkeypatch
):
    watcher = Watcher()
    _, model = trained(tiny_folder, tmp_path, monkeypatch, watcher)
    assert [stage[0] for stage in watcher.seen] == STAGES
    assert model.info["stages"].keys() == {"classify", "relation"}
    assert model.info["config"]["stages"]["classify"]["steps"] == 2


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


@pytest.mark.parametrize("stage", ["classify", "relation", "runs"])
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
    assert watcher.stages == ["training"]


def test_frozen_blocks_are_those_of_pre_training_and_the_others_are_not(
    tiny_folder, tmp_path, monkeypatch
):
    _, model = trained(tiny_folder, tmp_path, monkeypatch)
    [part] = cache_folder().glob("stages/*/classify-*/model.safetensors")
    before = load_checkpoint(part).params
    for name, value in before.items():
        if name.startswith(("backbone.block1", "backbone.block2", "backbone.block3")):
            assert torch.equal(model.params[name], value), name
    assert not torch.equal(
        model.params["backbone.block4.conv.weight"], before["backbone.block4.conv.weight"]
    )


def test_pre_training_keeps_the_highest_accuracy_of_prototypes(tiny_folder, tmp_path, monkeypatch):
    stages = classifying(tiny_folder, steps=12, val_every=2, lr=0.2)
    watcher = Watcher()
    _, model = trained(tiny_folder, tmp_path, monkeypatch, watcher, stages=stages)
    values = watcher.values["pre-training"]
    chosen = model.info["stages"]["classify"]
    assert chosen["value"] == max(values)
    assert chosen["step"] == 2 * (1 + values.index(max(values)))
    assert chosen["n_candidates"] == 6


def test_any_method_can_start_from_a_pre_trained_backbone(tiny_folder, tmp_path, monkeypatch):
    stages = only_classifying(tiny_folder)
    plain, _ = trained(tiny_folder, tmp_path, monkeypatch, method="protonet")
    watcher = Watcher()
    run, model = trained(
        tiny_folder, tmp_path, monkeypatch, watcher, method="protonet", stages=stages
    )
    assert watcher.stages == ["pre-training", "training"]
    assert run.folder != plain.folder
    assert model.info["stages"].keys() == {"classify"}


def test_statistics_of_each_step_begin_as_the_pre_trained_ones(tiny_folder, tmp_path, monkeypatch):
    settings = {"stages": only_classifying(tiny_folder)}
    run, _ = trained(tiny_folder, tmp_path / "cache", monkeypatch, method="maml++", **settings)
    again = train(run, Watcher())
    assert again.params["backbone.block1.norm.weight"].shape == (5, 32)


def test_seconds_are_those_of_all_stages(tiny_folder, tmp_path, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(fit, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    for method in ("npbml[init]", "npbml[init+opt]"):
        _, model = trained(tiny_folder, tmp_path / "cache", monkeypatch, method=method)
        [part] = (cache_folder() / "stages").rglob(MODEL)
        # The second method finds the backbone, but does not get it for nothing.
        assert model.info["seconds"] > load_checkpoint(part).info["seconds"] > 0
    assert total([1.0, None]) is None


def test_pre_training_takes_any_loss_by_name(tiny_folder, tmp_path, monkeypatch):
    models = []
    for loss in ("cross_entropy", "sparse_lsr"):
        stages = classifying(tiny_folder, loss=loss)
        models.append(trained(tiny_folder, tmp_path, monkeypatch, stages=stages)[1])
    assert not same(*models)
    with pytest.raises(ConfigError, match="did you mean"):
        trained(tiny_folder, tmp_path, monkeypatch, stages=classifying(tiny_folder, loss="sparse"))


@pytest.mark.parametrize("method", ["npbml", "maml++", "metal", "reptile"])
def test_another_number_of_classes_in_training_is_refused_before_it_begins(tiny_folder, method):
    config = tiny_config(tiny_folder, method, n_way=4)
    with pytest.raises(ConfigError, match=r"train\.n_way = 4 must equal task\.n_way = 3"):
        prepare_run(config, "cpu")
    prepare_run(tiny_config(tiny_folder, "npbml[init]", n_way=4), "cpu")


def test_loss_networks_that_nothing_teaches_are_refused(tiny_folder):
    config = tiny_config(tiny_folder, "npbml")
    config = config.model_copy(update={"options": {**config.options, "order": 1}})
    with pytest.raises(ConfigError, match="no gradient reaches"):
        prepare_run(config, "cpu")


def test_another_loss_in_the_same_file_is_another_training(tiny_folder, tmp_path, monkeypatch):
    path = tmp_path / "loss.json"
    config = tiny_config(tiny_folder, "maml+evomal", steps=2)
    config = config.model_copy(update={"options": {"loss": str(path)}})
    table = {"schema": 1, "kind": "symbolic", "task": "classification", "weights": [1.0] * 5}
    texts = ["mul(-1,mul(y,log(f(x))))", "add(y,square(sub(f(x),y)))"]
    path.write_text(json.dumps({**table, "expression": texts[0]}))
    first = prepare_run(config, "cpu")
    train(first, Watcher())
    path.write_text(json.dumps({**table, "expression": texts[1]}))
    second = prepare_run(config, "cpu")
    assert first.folder != second.folder
    with pytest.raises(CheckpointError, match="another loss"):
        load_trained(second, first.folder / MODEL)


def test_a_frozen_backbone_that_nothing_trained_is_refused(tiny_folder):
    config = tiny_config(tiny_folder, "npbml")
    for stages in (classifying(tiny_folder, steps=0), {}):
        with pytest.raises(ConfigError, match=r"set stages\.classify\.steps"):
            prepare_run(config.model_copy(update={"stages": stages}), "cpu")
