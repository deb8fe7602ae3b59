"""All sources of settings, merged into one run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fewshot_bench.config.model import Table, validated
from fewshot_bench.config.older import translated
from fewshot_bench.config.recipes import read_recipe
from fewshot_bench.config.run import RunConfig
from fewshot_bench.config.tables import merge_tables, read_toml
from fewshot_bench.errors import ConfigError


def resolve(
    overrides: Table, config: Path | None = None, base: Mapping[str, Any] | None = None
) -> RunConfig:
    """Merge all sources of settings.

    Args:
        overrides: nested table of what the user said on the command line.
        config: TOML file.
        base: takes the place of the benchmark's recipe, for instance a checkpoint's configuration.

    Raises:
        ConfigError: a file can't be read, a key is unknown, or a value is out of range.
    """
    file = read_toml(config) if config else {}
    method = merge_tables(base or {}, file, overrides).get("method")
    user = merge_tables(
        translated(file, source=str(config), method=method),
        translated(overrides, source="the command line", method=method),
    )
    for key in ("method", "benchmark"):
        if not isinstance(user.get(key, ""), str):
            raise ConfigError(f"{key} takes a name, not {user[key]!r}")
    if base is not None:
        return validated(RunConfig, merge_tables(translated(base, source="the model file"), user))
    names = RunConfig.model_construct(**user)
    recipe = read_recipe(names.training_benchmark, names.method)
    return validated(RunConfig, merge_tables(_fitting(recipe, names), user))


def _fitting(recipe: Table, names: RunConfig) -> Table:
    """The recipe without what weights from elsewhere, or features, make needless.

    Whoever wants to train such weights on says it by ``stages.classify.steps``.
    """
    features = names.benchmark.startswith("features:")
    if not features and names.weights is None and not names.backbone.startswith("module:"):
        return recipe
    kept = {key: value for key, value in recipe.items() if key != "stages"}
    return {**kept, "backbone": "features"} if features else kept
