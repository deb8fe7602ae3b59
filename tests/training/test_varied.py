"""Meta-training by episodes whose ways and shots vary."""

import tomllib

import pytest
import torch

from fewshot_bench.config import RunConfig, validated
from fewshot_bench.data.samplers.varied import VariedSampler
from fewshot_bench.errors import ConfigError, Interrupted
from fewshot_bench.nn.params import trainable
from fewshot_bench.training.meta_train import MetaTraining
from fewshot_bench.training.run import prepare_run
from tests.tiny import tiny_config
from tests.training.test_meta_train import Quiet, trained

LIMITS = {"min_way": 3, "max_way": 5, "max_query": 3, "max_support": 12}


def varied(folder, method, **train):
    return tiny_config(folder, method, sampler="varied", sampler_options=LIMITS, **train)


@pytest.mark.parametrize("method", ["protonet", "unicorn-maml", "maml+sparse_lsr"])
def test_a_stopped_training_ends_like_one_in_one_go(method, tiny_folder, tmp_path, monkeypatch):
    config = varied(tiny_folder, method)
    if method == "maml+sparse_lsr":  # a head without classes of its own
        config = config.model_copy(update={"options": {"head": "zero"}})
    _, whole = trained(config, tmp_path / "whole", monkeypatch)
    with pytest.raises(Interrupted):
        trained(config, tmp_path / "parts", monkeypatch, Quiet(signal_at=3))
    _, parts = trained(config, tmp_path / "parts", monkeypatch)
    assert whole.params.keys() == parts.params.keys()
    for name, value in whole.params.items():
        assert torch.equal(value, parts.params[name]), name


def test_a_step_has_the_mean_gradient_of_its_episodes(tiny_folder):
    run = prepare_run(varied(tiny_folder, "protonet", meta_batch=3), "cpu")
    start = run.method.init(torch.Generator().manual_seed(1))
    names = list(trainable(start))

    def leaves():
        return {n: v.clone().requires_grad_(n in names) for n, v in start.items()}

    work = MetaTraining(run.method, run.training_loader(), None, run.config.train)
    batches = list(work.batches(2))
    assert len(batches) == run.config.train.steps - 2
    params = leaves()
    loss = work.accumulate(params, batches[0], 2)

    sampler = VariedSampler(run.store.split("train"), run.train_task, 0, **LIMITS)
    ways, total, expected = set(), 0.0, dict.fromkeys(names, 0.0)
    for t in (6, 7, 8):
        own, episode = leaves(), run.training_loader().load(t, 1).episode(0)
        assert episode.n_way == sampler(t, 1).n_way
        assert len(episode.support) == sampler(t, 1).support_ids.size
        value = run.method.episode_loss(own, episode).loss
        grads = torch.autograd.grad(value, [own[n] for n in names])
        expected = {n: expected[n] + g / 3 for n, g in zip(names, grads, strict=True)}
        total += value.item() / 3
        ways.add((episode.n_way, len(episode.support)))
    assert len(ways) > 1
    assert loss == pytest.approx(total, rel=1e-6)
    for name in names:
        apart = (params[name].grad - expected[name]).norm()
        assert apart < 1e-5 + 1e-4 * expected[name].norm(), name


def test_methods_for_one_number_of_classes_are_refused(tiny_folder):
    with pytest.raises(
        ConfigError, match=r"^maml is for one number of classes, which train\.sampler = varied"
    ):
        prepare_run(varied(tiny_folder, "maml"), "cpu")


def test_a_map_needs_episodes_of_one_shape(tiny_folder):
    config = varied(tiny_folder, "unicorn-maml")
    with pytest.raises(ConfigError, match="varied shapes can't be mapped; use --strategy seq"):
        prepare_run(config, "cpu", strategy="vmap")


def test_settings_are_written_as_before_where_episodes_are_drawn_as_before(tiny_folder):
    plain, other = tiny_config(tiny_folder), varied(tiny_folder, "protonet")
    assert not {"sampler", "sampler_options"} & plain.model_dump()["train"].keys()
    assert other.model_dump()["train"]["sampler_options"] == LIMITS
    for config in (plain, other):
        assert validated(RunConfig, tomllib.loads(config.to_toml())) == config
    runs = [prepare_run(config, "cpu") for config in (plain, other)]
    assert runs[0].stage.id != runs[1].stage.id
