"""Everything a run is made of, as checked models: TOML in, resolved TOML out.

Values are taken, later ones winning, from: the defaults of the models, the benchmark's recipe
(``fewshot_bench/recipes/<benchmark>.toml``), its ``[methods.<name>]`` section, the user's
``--config`` file, and the command line.
"""

from fewshot_bench.config.merge import resolve
from fewshot_bench.config.model import Table, validated
from fewshot_bench.config.names import LossName, names_in
from fewshot_bench.config.older import translated
from fewshot_bench.config.recipes import read_recipe
from fewshot_bench.config.run import (
    SEEDS,
    EvaluateConfig,
    RunConfig,
    TaskConfig,
    TrainConfig,
    TuningConfig,
)
from fewshot_bench.config.stages import ClassifyConfig, EpisodesConfig, StageConfig
from fewshot_bench.config.tables import merge_tables, parse_setting, read_toml

__all__ = [
    "SEEDS",
    "ClassifyConfig",
    "EpisodesConfig",
    "EvaluateConfig",
    "LossName",
    "RunConfig",
    "StageConfig",
    "Table",
    "TaskConfig",
    "TrainConfig",
    "TuningConfig",
    "merge_tables",
    "names_in",
    "parse_setting",
    "read_recipe",
    "read_toml",
    "resolve",
    "translated",
    "validated",
]
