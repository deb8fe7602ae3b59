"""NPBML, its ladder and its ablations by name."""

from collections.abc import Mapping
from typing import Any

from fewshot_bench.methods.statistics import by_statistics
from fewshot_bench.registry import METHODS


def setting(options: Mapping[str, Any]) -> str:
    """A transductive loss or a modulation of the task as a whole sees all queries."""
    if options.get("refiner") is not None:
        return "transductive"
    mixes = options.get("film", True) and options.get("film_mode") == "task"
    losses = options.get("losses", ("transductive",))
    if mixes or not isinstance(losses, list | tuple) or "transductive" in losses:
        return "transductive"
    return by_statistics(options)


_NPBML = "Raymond et al. 2024, arXiv 2406.07983"
_START = {"warp": False, "losses": (), "film": False}
_START_AND_LOSS = {"warp": False, "film": False}
for _name, _summary, _setting, _options in (
    ("npbml", "start, optimiser and loss learned together; pre-trained", "transductive", {}),
    # The paper's ladder: what is learned beside the start.
    ("npbml[init]", "NPBML, the start only", "transductive_bn", _START),
    (
        "npbml[init+opt]",
        "NPBML, start and optimiser",
        "transductive_bn",
        {"losses": (), "film": False},
    ),
    ("npbml[init+loss]", "NPBML, start and loss", "transductive", _START_AND_LOSS),
    (
        "npbml[init+opt+loss]",
        "NPBML without conditioning on the task",
        "transductive",
        {"film": False},
    ),
    # Start and one of the three loss networks.
    (
        "npbml[loss-inductive]",
        "NPBML, start and the loss network of the support set",
        "transductive_bn",
        {**_START_AND_LOSS, "losses": ("inductive",)},
    ),
    (
        "npbml[loss-transductive]",
        "NPBML, start and the loss network of the queries",
        "transductive",
        {**_START_AND_LOSS, "losses": ("transductive",)},
    ),
    (
        "npbml[loss-regulariser]",
        "NPBML, start and the loss network of the weights",
        "transductive_bn",
        {**_START_AND_LOSS, "losses": ("regulariser",)},
    ),
    (
        "npbml[refined]",
        "NPBML, then soft k-means of the adapted features that keeps to what the head says",
        "transductive",
        {"refiner": "soft-k-means[anchored]"},
    ),
    # What the whole owes to the queries and to pre-training.
    (
        "npbml[inductive]",
        "NPBML that looks at one query at a time",
        "inductive",
        {"losses": ("inductive", "regulariser"), "bn": "support"},
    ),
    (
        "npbml[no-pretraining]",
        "NPBML with all blocks learned in the outer loop",
        "transductive",
        {"trunk": "learned"},
    ),
):
    METHODS.add(
        _name,
        "fewshot_bench.methods.npbml.compose:npbml",
        summary=_summary,
        paper=_NPBML,
        setting=_setting,
        setting_by=setting,
        recipe="pretrained",
        options=_options,
        after_training=frozenset({"refiner", "refiner_options"}),
    )
