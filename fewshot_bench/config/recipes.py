"""The quick recipes that ship with the package."""

import tomllib
from importlib import resources

from fewshot_bench.config.model import Table
from fewshot_bench.config.tables import merge_tables
from fewshot_bench.registry import METHODS


def read_recipe(benchmark: str, method: str) -> Table:
    """The documented quick recipe for a method on a benchmark.

    ``recipes/default.toml`` holds what goes for all benchmarks. Sections ``[methods.<name>]`` are
    laid over the rest: first the one that a method's entry shares with others, as ``pretrained``;
    then, for a variant ``name[...]``, that of ``name``; then its own.
    """
    tables = [_recipe_file("default"), _recipe_file(benchmark.partition(":")[0])]
    sections = [table.pop("methods", {}) for table in tables]
    family = method.partition("[")[0]
    shared = METHODS.entry(method).recipe if method in METHODS else ""
    names = dict.fromkeys((shared, family, method))
    return merge_tables(*tables, *(part.get(name, {}) for name in names for part in sections))


def _recipe_file(name: str) -> Table:
    file = resources.files("fewshot_bench").joinpath("recipes", f"{name}.toml")
    return tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}
