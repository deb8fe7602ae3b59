"""A wrapper that changes nothing loses nothing, whatever it is around."""

import pytest
import torch

from fewshot_bench.methods.base import FewShotMethod
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.registry import METHODS
from tests.methods.common import build, make_episode, make_params

NAMES = [entry.name for entry in METHODS]


def test_all_that_a_method_may_have_is_forwarded():
    members = {name for name in vars(FewShotMethod) if not name.startswith("_")}
    assert members >= {"traits", "at", "frozen", "parts", "finish"}
    assert members <= vars(Delegating).keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_wrapper_around_any_method_is_that_method(name):
    method = build(name)
    wrapped = Delegating(method)
    params, episode = make_params(method), make_episode()
    assert wrapped.traits == method.traits
    assert_same(make_params(wrapped), params)
    assert [n for n in params if wrapped.frozen(n)] == [n for n in params if method.frozen(n)]
    assert wrapped.parts().keys() == method.parts().keys()
    images = [episode.support, episode.query]
    assert_same(wrapped.finish(params, images), method.finish(params, images))
    with torch.no_grad():
        assert torch.equal(wrapped.predict(params, episode), method.predict(params, episode))
    for one, other in ((wrapped, method), (wrapped.at(0.25), method.at(0.25))):
        ours, theirs = (m.episode_loss(params, episode) for m in (one, other))
        assert torch.equal(ours.loss, theirs.loss)
        assert_same(dict(ours.statistics), dict(theirs.statistics))


@pytest.mark.parametrize("name", NAMES)
def test_a_method_during_training_is_still_what_it_is(name):
    """Not what it wraps: that would be trained by another objective."""
    method = build(name)
    assert type(method.at(0.25)) is type(method)
    assert type(Delegating(method).at(0.25)) is Delegating


def assert_same(ours, theirs):
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
