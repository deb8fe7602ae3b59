"""What an object must have to be a method."""

import pytest

from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.base import Setup, build_method
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.registry import METHODS, Entry


class Whole:
    setting = "inductive"

    def __init__(self, setup): ...
    def init(self, generator): ...
    def episode_loss(self, params, episode): ...
    def predict(self, params, episode): ...


def test_an_object_that_is_no_method_is_refused(monkeypatch):
    def build(**changes):
        target = type("Mine", (Whole,), changes)
        monkeypatch.setitem(METHODS._entries, "mine", Entry("mine", target))
        return build_method("mine", Setup("conv4-32", ImageShape(1, 16), 3))

    assert build().setting == "inductive"
    with pytest.raises(ConfigError, match="mine lacks the function 'init'"):
        build(init=None)
    for setting in (None, "semi"):
        with pytest.raises(ConfigError, match=r"an attribute setting: inductive, .* not "):
            build(setting=setting)
