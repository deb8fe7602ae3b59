"""A change of code that may change numbers does not pass unseen: old models would be reused."""

import json

import pytest

from tests import code_versions
from tests.code_versions import TABLE, code_sha256, table, units, versions


def test_the_code_of_each_unit_is_that_of_its_version():
    known, now = json.loads(TABLE.read_text()), table()
    changed = [unit for unit in {**known, **now} if known.get(unit) != now.get(unit)]
    names = {name: unit for unit in changed if unit in now for name in versions(unit)}
    assert not changed, (
        f"the code of {', '.join(changed)} is not what it was. If numbers may change: raise the"
        f" version of {', '.join(names)}; then, in any case, run python -m tests.code_versions"
    )


def test_every_module_is_in_one_unit_and_the_parts_are_where_they_belong():
    found = units()
    modules = [module for part in found.values() for module in part]
    assert len(modules) == len(set(modules))
    assert "fewshot_bench.training.fit" in found["shared"]
    assert "fewshot_bench.training.classify" in found["stage training.classify"]
    assert all(versions(unit) for unit in found)


SOURCE = '''
def f(x: int, *, y=2):
    """Add."""
    # a comment
    if x < 0:
        raise ValueError("no")
    return x + y
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [("Add.", "Sum."), ("# a comment", "#"), ('"no"', 'f"not {x}"'), ("x + y", "(x +\n  y)")],
)
def test_words_and_layout_do_not_count(old, new):
    assert old in SOURCE
    assert code_sha256(SOURCE.replace(old, new)) == code_sha256(SOURCE)


@pytest.mark.parametrize(("old", "new"), [("x + y", "x - y"), ("y=2", "y=3"), ("x < 0", "x <= 0")])
def test_what_is_computed_counts(old, new):
    assert old in SOURCE
    assert code_sha256(SOURCE.replace(old, new)) != code_sha256(SOURCE)


def test_an_import_inside_a_package_is_followed():
    assert "fewshot_bench.nn.norm" in code_versions.closure("fewshot_bench.nn.conv4")
