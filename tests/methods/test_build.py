"""What an object must be to be a method."""

import pytest

from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.base import FewShotMethod, Setup, Traits
from fewshot_bench.methods.build import build_method
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.registry import METHODS, Entry


class Whole(FewShotMethod):
    traits = Traits("inductive")

    def __init__(self, setup): ...
    def init(self, generator): ...
    def episode_loss(self, params, episode): ...
    def predict(self, params, episode): ...


class Stranger:
    def __init__(self, setup): ...


def test_an_object_that_is_no_method_is_refused(monkeypatch):
    def build(target):
        monkeypatch.setitem(METHODS._entries, "mine", Entry("mine", target))
        return build_method("mine", Setup("conv4-32", ImageShape(1, 16), 3))

    assert build(Whole).traits.setting == "inductive"
    with pytest.raises(ConfigError, match=r"Stranger, which does not derive from .*FewShotMethod"):
        build(Stranger)
    abstract = type("Mine", (Whole,), {"predict": FewShotMethod.predict})
    with pytest.raises(ConfigError, match=r"mine can't be made: .*predict"):
        build(abstract)
    for setting in (None, "semi"):
        with pytest.raises(ConfigError, match=r"a setting: inductive, .* not "):
            build(type("Mine", (Whole,), {"traits": Traits(setting)}))
