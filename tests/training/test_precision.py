"""Pre-training with convolutions of 16 bits."""

import json

import pytest
import torch

from fewshot_bench.config.stages import ClassifyConfig
from fewshot_bench.training.checkpoint import load_checkpoint
from fewshot_bench.training.meta_stage import used_stages
from fewshot_bench.training.run import prepare_run
from fewshot_bench.training.stages import MODEL, once
from tests.tiny import tiny_config
from tests.training.test_stages import Watcher, classifying


def stage(folder, **settings):
    stages = classifying(folder, **settings)
    config = tiny_config(folder, "npbml", steps=4).model_copy(update={"stages": stages})
    return used_stages(prepare_run(config, "cpu"))["classify"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FSBENCH_CACHE", str(tmp_path))


def test_a_setting_that_came_later_leaves_what_was_trained_before_findable():
    assert "precision" not in ClassifyConfig().decisive()
    assert ClassifyConfig(precision="bf16").decisive()["precision"] == "bf16"


def test_its_losses_are_near_those_of_32_bits_and_not_equal(tiny_folder):
    losses = {}
    for precision in ("fp32", "bf16"):
        one = stage(tiny_folder, precision=precision, lr=0.01)
        params = once(one, Watcher()).params
        assert {value.dtype for value in params.values()} == {torch.float32}
        lines = map(json.loads, (one.folder / "log.jsonl").read_text().splitlines())
        losses[precision] = [line["loss"] for line in lines if "loss" in line]
        assert load_checkpoint(one.folder / MODEL).params.keys() == params.keys()
    assert losses["bf16"] != losses["fp32"]
    assert len(losses["bf16"]) == 2
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.02)
