"""The quick recipes that ship with the package."""

import tomllib
from importlib import resources

from fewshot_bench.config.model import Table
from fewshot_bench.config.tables import merge_tables


def read_recipe(benchmark: str, method: str) -> Table:
    """The documented quick recipe for a method on a benchmark.

    ``recipes/default.toml`` holds what goes for all benchmarks. Sections ``[methods.<name>]`` are
    laid over the rest; a variant ``name[...]`` takes the section of ``name``, then its own.
    """
    tables = [_recipe_file("default"), _recipe_file(benchmark.partition(":")[0])]
    sections = [table.pop("methods", {}) for table in tables]
    family = method.partition("[")[0]
    names = dict.fromkeys((family, method))
    return merge_tables(*tables, *(part.get(name, {}) for name in names for part in sections))


def _recipe_file(name: str) -> Table:
    file = resources.files("fewshot_bench").joinpath("recipes", f"{name}.toml")
    return tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}
