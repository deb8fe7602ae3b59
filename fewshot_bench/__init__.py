"""A few-shot-learning benchmark suite: exact episodes, meta-learned losses, honest intervals.

Importing this package is cheap and never imports torch; what needs it is loaded when used.
"""

from typing import Any

__version__ = "0.1.0"

_API = (
    "AdaptedModel",
    "Classifier",
    "Data",
    "Episodes",
    "Grid",
    "ImageDataset",
    "ModuleLearner",
    "Part",
    "Result",
    "Trained",
    "benchmarks",
    "compare",
    "embed",
    "evaluate",
    "from_arrays",
    "gradient_learner",
    "grid",
    "load",
    "load_result",
    "random_split",
    "train",
)
_MODULES = ("api", "losses", "methods", "testing")  # methods can be called, too


def __getattr__(name: str) -> Any:
    """The names of :mod:`fewshot_bench.api`, loaded when used."""
    import importlib

    if name in _MODULES:
        return importlib.import_module(f"fewshot_bench.{name}")
    if name in _API:
        return getattr(importlib.import_module("fewshot_bench.api"), name)
    raise AttributeError(f"module 'fewshot_bench' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What is here, loaded or not."""
    return sorted([*_API, *_MODULES, "__version__"])
