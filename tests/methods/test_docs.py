"""docs/methods.md names every method, and its example runs."""

import importlib.util
import re
from pathlib import Path

import pytest

from fewshot_bench.registry import METHODS
from tests.methods.common import build, make_episode, make_params

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "methods.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [entry.name for entry in METHODS])
def test_every_method_has_its_place_in_the_table(name):
    assert f"`{name}`" in TEXT


def test_the_table_of_composed_methods_is_that_of_the_catalogue():
    spec = importlib.util.spec_from_file_location("composed", DOCS / "composed.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.written(TEXT) == TEXT, "run python docs/composed.py"


def test_the_example_of_a_new_member_runs(monkeypatch):
    monkeypatch.setattr(METHODS, "_entries", dict(METHODS._entries))
    [code] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(code, "docs/methods.md", "exec"), {"__name__": "docs"})
    method = build("sign-maml", steps=1)
    loss, _ = method.episode_loss(make_params(method), make_episode())
    assert loss.isfinite()
