"""Methods that adapt the whole network at test, and methods of episodes that are not composed.

What differs from the papers is said at the head of each file.
"""

from collections.abc import Mapping
from typing import Any

from fewshot_bench.methods.statistics import by_statistics
from fewshot_bench.registry import METHODS

_HERE = "fewshot_bench.methods"


def _by_statistics(options: Mapping[str, Any], usual: str) -> str:
    """Batch statistics over the queries are what lets one query see the others."""
    return by_statistics({"bn": usual, **options})


METHODS.add(
    "fine-tune",
    f"{_HERE}.fine_tune:fine_tune",
    summary="the whole pre-trained network tuned on the support set, from the class means",
    paper="Luo et al. 2023, arXiv 2301.12246",
    setting="inductive",
    setting_by=lambda options: _by_statistics(options, "running"),
    recipe="pretrained",
)
METHODS.add(
    "transductive-fine-tune",
    f"{_HERE}.fine_tune:transductive_fine_tune",
    summary="the whole pre-trained network tuned on support labels and query entropy in turn",
    paper="Dhillon et al. 2019, arXiv 1909.02729",
    setting="transductive",
    recipe="pretrained",
)
METHODS.add(
    "pmf",
    f"{_HERE}.pmf:pmf",
    summary="a pre-trained prototypical network tuned on changed copies of the support images",
    paper="Hu et al. 2022, arXiv 2204.07305",
    setting="inductive",
    recipe="pretrained",
)
METHODS.add(
    "relation-net",
    f"{_HERE}.relation_net:relation_net",
    summary="a network scores pairs of a query and a class",
    paper="Sung et al. 2018, arXiv 1711.06025",
    setting="inductive",
)
METHODS.add(
    "imaml",
    f"{_HERE}.imaml:imaml",
    summary="MAML whose meta-gradient follows from where the inner loop ends",
    paper="Rajeswaran et al. 2019, arXiv 1909.04630",
    setting="transductive_bn",
    setting_by=lambda options: _by_statistics(options, "batch"),
)
METHODS.add(
    "l2f",
    f"{_HERE}.l2f:l2f",
    summary="MAML that forgets a learned share of the initialisation in each task",
    paper="Baik et al. 2019, arXiv 1906.05895",
    setting="transductive_bn",
    setting_by=lambda options: _by_statistics(options, "batch"),
)
