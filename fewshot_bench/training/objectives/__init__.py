"""What a backbone learns as a classifier of the training classes, and the catalogue of the names.

``stages.classify.objective`` names one. Code of the default objective is not part of the key of a
stage, because the stage was there before objectives were: where it changes so that numbers change,
raise the version of the stage.
"""

from typing import Any

from fewshot_bench.registry import OBJECTIVES

_HOME = "fewshot_bench.training.objectives"
_MARGIN = "Liu et al. 2020, arXiv 2003.12060"


def _add(name: str, target: str, summary: str, paper: str, **options: Any) -> None:
    OBJECTIVES.add(name, f"{_HOME}.{target}", summary=summary, paper=paper, options=options)


_add(
    "linear",
    "linear:Linear",
    "a linear layer on the features",
    "Chen et al. 2019, arXiv 1904.04232 (Baseline)",
)
_add(
    "cosine",
    "cosine:Cosine",
    "directions with a learned length for each class (Baseline++)",
    "Chen et al. 2019, arXiv 1904.04232",
)
_add(
    "negative-margin",
    "margin:CosineMargin",
    "cosines, where the true class is given an advantage",
    _MARGIN,
)
_add(
    "negative-margin[softmax]",
    "margin:LinearMargin",
    "scaled logits, where the true class is given an advantage",
    _MARGIN,
)
