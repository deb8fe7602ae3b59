"""The catalogues of transforms, classifiers and refiners."""

import subprocess
import sys
from dataclasses import FrozenInstanceError, fields

import pytest

from fewshot_bench.methods.parts import Classifier, Refiner, Transform
from fewshot_bench.registry import CLASSIFIERS, REFINERS, TRANSFORMS

KINDS = ((TRANSFORMS, Transform), (CLASSIFIERS, Classifier), (REFINERS, Refiner))
ENTRIES = [(entry, kind) for registry, kind in KINDS for entry in registry]


@pytest.mark.parametrize(("entry", "kind"), ENTRIES, ids=lambda x: getattr(x, "name", ""))
def test_every_entry_makes_a_frozen_part_and_says_what_it_is(entry, kind):
    made = entry.load()(**entry.options)
    assert isinstance(made, kind)
    assert entry.summary
    assert entry.setting in ("inductive", "transductive")
    for field in fields(made):
        with pytest.raises(FrozenInstanceError):
            setattr(made, field.name, None)


def test_listing_the_catalogues_imports_no_torch():
    code = """
import sys
from fewshot_bench.registry import CLASSIFIERS, REFINERS, TRANSFORMS
assert all(len(list(registry)) > 10 for registry in (CLASSIFIERS, REFINERS, TRANSFORMS))
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
