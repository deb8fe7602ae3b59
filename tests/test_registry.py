"""Registries: names, hints, plug-ins, and no second owner of a name."""

import functools
import json
import subprocess
import sys

import pytest

from fewshot_bench.errors import ConfigError
from fewshot_bench.registry import BACKBONES, BENCHMARKS, METHODS, Entry, Registry, run_plugin


@pytest.fixture
def registry():
    return Registry("thing", "fewshot_bench")


def test_every_entry_loads():
    for kind in (METHODS, BENCHMARKS, BACKBONES):
        for entry in kind:
            assert entry.load() is not None
            assert entry.summary


@pytest.mark.parametrize("name", ["TRANSFORMS", "CLASSIFIERS", "REFINERS", "SAMPLERS", "HEADS"])
def test_a_registry_may_be_the_first_that_is_asked(name):
    code = f"from fewshot_bench.registry import {name}; print(*(entry.name for entry in {name}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()


def test_unknown_names_get_a_hint(registry):
    registry.add("alpha", "math:sin")
    with pytest.raises(ConfigError, match="unknown thing 'alpa'; did you mean 'alpha'"):
        registry.load("alpa")
    with pytest.raises(ConfigError, match="known: alpha"):
        registry.load("zzz")


def test_a_name_has_one_owner(registry):
    registry.add("alpha", "math:sin", origin="one")
    with pytest.raises(ConfigError, match=r"registered already .by one."):
        registry.add("alpha", "math:cos")


def test_objects_register_themselves(registry):
    @registry.register("mine", summary="x")
    def mine():
        return 3

    assert registry.load("mine") is mine
    assert "mine" in registry
    assert [entry.name for entry in registry] == ["mine"]


@pytest.mark.parametrize("target", ["no_such_module:x", "math:no_such_name"])
def test_a_broken_entry_is_named(target):
    with pytest.raises(ConfigError, match=r"'odd' .pkg. can't be loaded"):
        Entry("odd", target, origin="pkg").load()


def test_entry_points_of_other_packages_are_found(monkeypatch):
    class Point:
        name, value, dist = "theirs", "math:tau", None

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point])
    registry = Registry("thing", "fewshot_bench")
    assert registry.load("theirs") > 6


def test_a_failing_plugin_is_one_line(tmp_path):
    file = tmp_path / "p.py"
    file.write_text("raise RuntimeError('no')")
    with pytest.raises(ConfigError, match="RuntimeError: no"):
        run_plugin(file)


def test_a_plugin_is_known_by_its_source(tmp_path):
    file = tmp_path / "mine.py"
    hashes = []
    for value in (1, 2, 1):
        file.write_text(
            "from __future__ import annotations\n"
            "from dataclasses import dataclass\n"
            "@dataclass\nclass Mine:\n"
            f"    x: int = {value}\n"
        )
        run_plugin(file)
        module = sys.modules["fsbench_plugin_mine"]
        hashes.append(Entry("mine", module.Mine).code_sha256())
    assert hashes[0] == hashes[2] != hashes[1]
    assert Entry("len", len).code_sha256() == "", "no source, no hash"
    assert Entry("maml", "fewshot_bench.methods.maml:maml").code_sha256() == ""
    assert len(Entry("dumps", json.dumps).code_sha256()) == 64
    partial = functools.partial(json.dumps, indent=1)
    assert Entry("dumps", partial).code_sha256() == Entry("dumps", json.dumps).code_sha256()


def test_a_model_is_measured_as_a_method_that_only_goes_on_after_training():
    plain, refined = METHODS.entry("npbml"), METHODS.entry("npbml[refined]")
    assert refined.measuring(plain) == {"refiner": "soft-k-means[anchored]"}
    assert plain.measuring(refined) == {"refiner": None}
    assert refined.measuring(METHODS.entry("npbml[init]")) is None
    assert METHODS.entry("protonet").measuring(plain) is None
    assert METHODS.entry("maml").measuring(METHODS.entry("maml")) == {}
