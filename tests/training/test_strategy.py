"""One task after another, or all at once: the same numbers."""

import dataclasses

import numpy as np
import pytest
import torch

from fewshot_bench.data.episodes import EpisodeIds
from fewshot_bench.data.loader import EpisodeBatch
from fewshot_bench.errors import ConfigError, TrainingError
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.build import build_method, resolve_options
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.nn.norm import blend
from fewshot_bench.registry import METHODS
from fewshot_bench.training.strategy import AllAtOnce, choose_strategy, task_by_task
from tests.methods.common import build, learned, make_episode, make_params, shaken
from tests.tiny import SMALL

MAPPED = [entry.name for entry in METHODS if build(entry.name).traits.maps]
CPU = torch.device("cpu")


def make_batch(dtype=torch.float64, size=3):
    episodes = [make_episode(dtype, seed) for seed in range(size)]
    ids, labels = np.zeros((size, 1), np.int32), np.zeros((size, 1), np.int64)
    return EpisodeBatch(
        ids=EpisodeIds(np.arange(size, dtype=np.uint32), ids, ids, labels, ids, labels),
        support=torch.stack([e.support for e in episodes]),
        support_labels=torch.stack([e.support_labels for e in episodes]),
        query=torch.stack([e.query for e in episodes]),
        query_labels=torch.stack([e.query_labels for e in episodes]),
        query_order=np.tile(np.arange(len(episodes[0].query)), (size, 1)),
        n_way=episodes[0].n_way,
    )


def outcome(strategy, method, dtype):
    """Loss, gradients and running averages after one step."""
    params = shaken(make_params(method, dtype))
    loss, seen = strategy(method, params, make_batch(dtype), step=0)
    for one in seen:
        blend(params, one)
    grads = {name: value.grad for name, value in learned(params).items()}
    rest = {name: value for name, value in params.items() if name not in grads}
    return loss, grads, rest


@pytest.mark.parametrize("name", MAPPED)
def test_a_map_over_tasks_gives_the_numbers_of_one_task_after_another(name):
    options = {"steps": 2} if "steps" in resolve_options(name, {}) else {}
    method = build(name, **options).at(0.9)
    one, all_ = (outcome(s, method, torch.float64) for s in (task_by_task, AllAtOnce()))
    assert all_[0] == pytest.approx(one[0], rel=1e-9)
    for grads, expected in zip(all_[1:], one[1:], strict=True):
        for key, value in expected.items():
            torch.testing.assert_close(grads[key], value, rtol=1e-9, atol=1e-9, msg=key)


@pytest.mark.parametrize("name", ["maml", "npbml"])
def test_in_single_precision_they_agree_to_rounding(name):
    method = build(name, steps=2)
    one, all_ = (outcome(s, method, torch.float32) for s in (task_by_task, AllAtOnce()))
    assert all_[0] == pytest.approx(one[0], rel=1e-5)
    for key, value in one[1].items():
        torch.testing.assert_close(all_[1][key], value, rtol=1e-3, atol=1e-5, msg=key)


@pytest.mark.parametrize("name", ["maml", "gap"])
@pytest.mark.parametrize("strategy", [task_by_task, AllAtOnce()])
def test_a_loss_that_is_not_finite_names_the_episode_and_the_inner_step(strategy, name):
    method = build(name, steps=3, lr=0.1)
    params, batch = make_params(method), make_batch()
    support = batch.support.clone()
    support[1] = torch.inf
    with pytest.raises(TrainingError, match=r"step 5, episode 1: .* in inner step 0"):
        strategy(method, params, dataclasses.replace(batch, support=support), step=4)


def test_what_an_episode_draws_does_not_depend_on_its_queries():
    batch = make_batch()
    other = dataclasses.replace(batch.ids, query_ids=batch.ids.query_ids + 1)
    again = dataclasses.replace(batch, ids=other)
    assert batch.episode(0).draw == again.episode(0).draw
    other = dataclasses.replace(batch.ids, support_ids=batch.ids.support_ids + 1)
    assert batch.episode(0).draw != dataclasses.replace(batch, ids=other).episode(0).draw


def test_the_device_decides_unless_told_otherwise():
    method = build("maml", steps=1)
    assert choose_strategy("auto", method, CPU) is task_by_task
    assert isinstance(choose_strategy("auto", method, torch.device("cuda")), AllAtOnce)
    assert isinstance(choose_strategy("vmap", method, CPU), AllAtOnce)
    assert choose_strategy("auto", build("npbml"), CPU) is task_by_task  # a trunk inside of the map
    behind = build("npbml", relation="prototypes").trunk().rest
    assert isinstance(choose_strategy("auto", behind, CPU), AllAtOnce)
    large = build_method("npbml", Setup("conv4-32", ImageShape(3, 84), 3), SMALL["npbml"])
    assert choose_strategy("auto", large, CPU) is task_by_task
    assert choose_strategy("auto", build("mt-net"), torch.device("cuda")) is task_by_task


@pytest.mark.parametrize("name", ["maml", pytest.param("npbml", marks=pytest.mark.slow)])
def test_compiled_maps_give_the_same_and_are_compiled_once(name):
    method, batch = build(name, steps=2), make_batch()
    grads = []
    for strategy in (AllAtOnce(), AllAtOnce("eager")):
        params = make_params(method)
        strategy(method, params, batch, 0)
        grads.append({key: value.grad for key, value in learned(params).items()})
    for key, grad in grads[0].items():
        torch.testing.assert_close(grads[1][key], grad, msg=key)
    with torch.compiler.set_stance("fail_on_recompile"):
        strategy(method, params, make_batch(), 1)


def test_what_can_not_be_compiled_is_said():
    class Opaque:
        def episode_loss(self, params, episode):
            torch._dynamo.graph_break()
            return (params["w"] * episode.query).mean(), {}

    with pytest.raises(ConfigError, match="leave out --compile") as caught:
        AllAtOnce("eager")(Opaque(), {"w": torch.ones(())}, make_batch(), 0)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_mapped_is_refused():
    with pytest.raises(ConfigError, match="--strategy sequential"):
        choose_strategy("vmap", build("mt-net"), CPU)
    with pytest.raises(ConfigError, match="--compile goes with"):
        choose_strategy("auto", build("maml"), CPU, compiled=True)
    with pytest.raises(ConfigError, match="one of auto, sequential, vmap"):
        choose_strategy("fast", build("maml"), CPU)
