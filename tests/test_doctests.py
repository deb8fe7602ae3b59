"""What docstrings show is what Python answers."""

import doctest
import importlib
from pathlib import Path

import pytest

import fewshot_bench

PACKAGE = Path(fewshot_bench.__file__).parent


def modules_with_examples():
    """Names of the package's modules whose text has a prompt."""
    paths = [p for p in sorted(PACKAGE.rglob("*.py")) if ">>> " in p.read_text(encoding="utf-8")]
    return [".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts) for p in paths]


def test_the_public_modules_are_found():
    found = set(modules_with_examples())
    assert {"fewshot_bench.losses.modules", "fewshot_bench.data.split"} <= found


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of_docstrings_are_true(name):
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert attempted > 0
    assert failed == 0
