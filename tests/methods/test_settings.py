"""The setting told from options is the one that the method says itself."""

import itertools

import pytest

from fewshot_bench.methods.build import resolve_options
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
    known = resolve_options(name, {})
    mine = [[{key: value} for value in VALUES[key]] for key in VALUES if key in known]
    more = [NPBML] if "film_mode" in known else []
    for parts in itertools.product(*mine, *more):
        yield {key: value for part in parts for key, value in part.items()}


@pytest.mark.parametrize("name", [entry.name for entry in METHODS])
def test_the_setting_follows_from_the_options(name):
    entry = METHODS.entry(name)
    assert entry.setting_of({}) == entry.setting
    for options in choices(name):
        assert entry.setting_of(options) == build(name, **options).traits.setting, options
