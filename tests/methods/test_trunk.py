"""A method from its trunk on, given what leaves the trunk, is the method given images."""

import dataclasses

import pytest
import torch

from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.registry import METHODS
from tests.methods.common import build, learned, make_episode, make_params, shaken

OPTIONS = {"relation": "prototypes"}
WITH_TRUNK = [
    (name, options)
    for name, options in [
        *((entry.name, OPTIONS) for entry in METHODS if entry.name.startswith("npbml")),
        ("npbml", {**OPTIONS, "adapted_blocks": 2, "bn": "support"}),
        ("npbml", {**OPTIONS, "head": "prototypes", "features": "flat", "film_mode": "task"}),
    ]
    if build(name, **options).trunk() is not None
]


def given_activations(trunk, params, episode):
    return dataclasses.replace(
        episode,
        support=trunk(params, episode.support),
        query=trunk(params, episode.query),
    )


def test_methods_with_frozen_blocks_have_a_trunk_and_others_do_not():
    with_one = {entry.name for entry in METHODS if build(entry.name).trunk() is not None}
    # The whole NPBML and two of its rungs have a relation network, which sees images.
    assert with_one == {
        "npbml[init]",
        "npbml[init+opt]",
        "npbml[loss-inductive]",
        "npbml[loss-regulariser]",
        "npbml[inductive]",
    }
    assert build("npbml", trunk="learned", relation="prototypes").trunk() is None
    assert build("npbml", adapted_blocks=4, relation="prototypes").trunk() is None


@pytest.mark.parametrize(("name", "options"), WITH_TRUNK)
@pytest.mark.parametrize("wrap", [lambda method: method, Delegating], ids=["plain", "wrapped"])
def test_rest_and_whole_agree_to_the_last_digits(name, options, wrap):
    method = wrap(build(name, steps=2, test_steps=2, **options))
    params, episode, trunk = shaken(make_params(method)), make_episode(), method.trunk()
    assert type(trunk.rest) is type(method)
    assert trunk.rest.trunk() is None  # once is enough
    short = given_activations(trunk, params, episode)
    assert short.support.shape[1:] != episode.support.shape[1:]
    ours, theirs = trunk.rest.predict(params, short), method.predict(params, episode)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    losses = [m.episode_loss(params, e) for m, e in ((trunk.rest, short), (method, episode))]
    torch.testing.assert_close(losses[0].loss, losses[1].loss, rtol=1e-12, atol=1e-12)
    values = list(learned(params).values())
    ours, theirs = (torch.autograd.grad(one.loss, values, allow_unused=True) for one in losses)
    for one, other in zip(ours, theirs, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_the_rest_is_the_same_method_to_those_who_train_it():
    method = build("npbml[init+opt]")
    rest = method.trunk().rest
    assert dataclasses.replace(rest.traits, small_inner_step=False) == method.traits
    params = make_params(method)
    assert list(make_params(rest)) == list(params)
    assert [n for n in params if rest.frozen(n)] == [n for n in params if method.frozen(n)]


def test_a_map_over_tasks_pays_once_the_trunk_is_outside_of_it():
    for name, options in WITH_TRUNK:
        method = build(name, **options)
        assert not method.traits.small_inner_step
        assert method.trunk().rest.traits.small_inner_step


def test_a_trunk_has_the_parameters_of_its_stages_and_they_are_frozen():
    method = build("npbml[init]")
    params = make_params(method)
    mine = method.trunk().params_of(params)
    assert {name.split(".")[1] for name in mine} == {"block1", "block2", "block3"}
    assert all(method.frozen(name) for name in mine)
    assert "backbone.block1.norm.running_var" in mine


def test_a_frozen_block_that_tasks_move_is_no_trunk():
    method = build("npbml[init]")
    moving = dataclasses.replace(method, adapt=lambda name: name.startswith("backbone.block2."))
    assert len(moving.trunk().stages) == 1
