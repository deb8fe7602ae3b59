"""Methods that are put together from a transform, a classifier and a refiner, by name.

A member is one entry: its parts by their registered names. Those of ``pretrained`` have no training
of their own and share one pre-trained backbone; those of ``episodic`` are trained by episodes.
"""

from collections.abc import Mapping
from typing import Any

from fewshot_bench.registry import METHODS, REFINERS, TRANSFORMS

_HERE = "fewshot_bench.methods.composed"
_TIM = "Boudiaf et al. 2020, arXiv 2008.11297"


def setting(options: Mapping[str, Any]) -> str:
    """A refiner sees all queries together, and so do some transforms."""
    refiner, transform = options.get("refiner"), options.get("transform")
    if refiner is not None:
        return REFINERS.entry(refiner).setting or "transductive"
    return "inductive" if transform is None else TRANSFORMS.entry(transform).setting


def add(name: str, target: str, summary: str, paper: str, **parts: Any) -> None:
    """Register what ``target``, ``pretrained`` or ``episodic``, composes of these parts."""
    METHODS.add(
        name,
        f"{_HERE}:{target}",
        summary=summary,
        paper=paper,
        setting=setting(parts),
        setting_by=setting,
        recipe="pretrained" if target == "pretrained" else "",
        options=parts,
    )


_SIMPLESHOT = "Wang et al. 2019, arXiv 1911.04623"
for _variant, _transform, _words in (
    ("", "cl2n", "centred by the training images, at length 1"),
    ("[l2n]", "l2n", "at length 1"),
    ("[un]", "un", "as they are"),
):
    add(
        f"simpleshot{_variant}",
        "pretrained",
        f"nearest class mean of pre-trained features {_words}",
        _SIMPLESHOT,
        transform=_transform,
    )
add(
    "baseline",
    "pretrained",
    "a linear head with weight decay on pre-trained features",
    "Chen et al. 2019, arXiv 1904.04232",
    classifier="baseline",
)
add(
    "rfs-simple",
    "pretrained",
    "logistic regression on pre-trained features of length 1",
    "Tian et al. 2020, arXiv 2003.11539",
    transform="l2n",
    classifier="logistic-regression",
)
# The recipes of these three set an objective of the pre-training (``stages.classify``), which is
# half of each method; their paper's test-time classifiers also fit any other backbone.
add(
    "baseline++",
    "pretrained",
    "a cosine head tuned on features that were pre-trained through one",
    "Chen et al. 2019, arXiv 1904.04232",
    classifier="baseline++",
)
add(
    "neg-margin",
    "pretrained",
    "a cosine head tuned on features pre-trained with a negative margin",
    "Liu et al. 2020, arXiv 2003.12060",
    classifier="baseline++",
    classifier_options={"scale": 5.0},
)
add(
    "rfs-distill",
    "pretrained",
    "logistic regression on features of a network that learned from its like",
    "Tian et al. 2020, arXiv 2003.11539",
    transform="l2n",
    classifier="logistic-regression",
)
for _name, _transform, _summary, _paper in (
    (
        "soft-k-means",
        "l2n",
        "class means of support and softly assigned queries",
        "Ren et al. 2018, arXiv 1803.00676",
    ),
    (
        "bd-cspn",
        "l2n",
        "class means corrected once by the nearest queries",
        "Liu et al. 2019, arXiv 1911.10713",
    ),
    (
        "laplacian-shot",
        "cl2n",
        "nearest class mean, and neighbours that agree",
        "Ziko et al. 2020, arXiv 2006.15486",
    ),
    ("tim-adm", "l2n", "class means that inform about the queries", _TIM),
    (
        "paddle",
        "minmax",
        "soft k-means in which large classes attract",
        "Martin et al. 2022, arXiv 2210.14545",
    ),
    (
        "pt-map",
        "pt-map",
        "queries assigned by optimal transport, equal classes supposed",
        "Hu et al. 2020, arXiv 2006.03806",
    ),
    (
        "label-propagation",
        "l2n",
        "labels flow along a graph of pre-trained features",
        "Zhou et al. 2003 (NIPS 16)",
    ),
):
    add(_name, "pretrained", _summary, _paper, transform=_transform, refiner=_name)
add(
    "meta-baseline",
    "episodic",
    "cosine to the class mean with a learned scale",
    "Chen et al. 2020, arXiv 2003.04390",
    classifier="cosine",
    classifier_options={"learned": True},
)
add(
    "matching-net",
    "episodic",
    "attention over the support images with a learned scale",
    "Vinyals et al. 2016, arXiv 1606.04080",
    classifier="matching",
    classifier_options={"learned": True},
)
add(
    "r2d2",
    "episodic",
    "an embedding trained through ridge regression",
    "Bertinetto et al. 2018, arXiv 1805.08136",
    classifier="r2d2",
)
add(
    "metaoptnet",
    "episodic",
    "an embedding trained through a support vector machine",
    "Lee et al. 2019, arXiv 1904.03758",
    classifier="metaoptnet-svm",
)
add(
    "feat",
    "episodic",
    "class means that look at each other by attention; no contrastive term",
    "Ye et al. 2018, arXiv 1812.03664",
    classifier="feat",
)
add(
    "feat[contrastive]",
    "episodic",
    "FEAT with the contrastive term of the authors' training",
    "Ye et al. 2018, arXiv 1812.03664",
    classifier="feat[contrastive]",
)
