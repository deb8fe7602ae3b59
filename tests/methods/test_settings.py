"""The setting told from options is the one that the method says itself."""

import inspect
import itertools

import pytest

from fewshot_bench.methods.settings import setting_of
from fewshot_bench.registry import METHODS
from tests.methods.common import build

NPBML = [
    {"losses": losses, "film": film, "film_mode": mode}
    for losses in ((), ("inductive",), ("transductive",), ("inductive", "regulariser"))
    for film, mode in itertools.product((True, False), ("instance", "task"))
]
VALUES = {"bn": ("batch", "support", "running"), "transductive": (True, False)}


def choices(name):
    """Options of a method that may change its setting, in all combinations."""
    known = inspect.signature(METHODS.load(name)).parameters
    mine = [[{key: value} for value in VALUES[key]] for key in VALUES if key in known]
    more = [NPBML] if "film_mode" in known else []
    for parts in itertools.product(*mine, *more):
        yield {key: value for part in parts for key, value in part.items()}


@pytest.mark.parametrize("name", [entry.name for entry in METHODS])
def test_the_setting_follows_from_the_options(name):
    assert setting_of(name, {}) == METHODS.entry(name).setting
    for options in choices(name):
        assert setting_of(name, options) == build(name, **options).setting, options


def test_nothing_is_claimed_of_methods_that_are_not_ours():
    assert setting_of("somebody's own", {}) is None
