"""Refiners of predictions over all queries of an episode, and the catalogue of their names."""

from typing import Any

from fewshot_bench.registry import REFINERS

_HOME = "fewshot_bench.methods.refiners"


def _add(name: str, target: str, summary: str, paper: str, **options: Any) -> None:
    REFINERS.add(
        name,
        f"{_HOME}.{target}",
        summary=summary,
        paper=paper,
        setting="transductive",
        options=options,
    )


_TIM = "Boudiaf et al. 2020, arXiv 2008.11297"
_ALPHA_TIM = "Veilleux et al. 2021, arXiv 2204.11181"
_PT_MAP = "Hu et al. 2020, arXiv 2006.03806"
_TPN = "Liu et al. 2018, arXiv 1805.10002"

_add(
    "soft-k-means",
    "means:SoftKMeans",
    "class means of support and softly assigned queries",
    "Ren et al. 2018, arXiv 1803.00676",
)
REFINERS.add(
    "soft-k-means[anchored]",
    f"{_HOME}.means:SoftKMeans",
    summary="soft k-means in which queries keep a part of what the classifier says of them",
    setting="transductive",
    options={"anchored": True},
)
_add(
    "bd-cspn",
    "rectify:BDCSPN",
    "class means corrected once by the nearest queries",
    "Liu et al. 2019, arXiv 1911.10713",
)
_add(
    "laplacian-shot",
    "laplacian:LaplacianShot",
    "logits that agree with those of neighbours",
    "Ziko et al. 2020, arXiv 2006.15486",
)
_add("tim-gd", "information:InformationMaximisation", "class means that inform, by Adam", _TIM)
_add(
    "alpha-tim",
    "information:InformationMaximisation",
    "TIM-GD with alpha-entropies, which let classes differ in size; alpha 7 from 5 shots",
    _ALPHA_TIM,
    fit=1.0,
    confidence=1.0,
    alpha=2.0,
)
_add("tim-adm", "alternating:AlternatingInformation", "TIM by alternating formulas", _TIM)
_add(
    "paddle",
    "means:Paddle",
    "soft k-means in which large classes attract",
    "Martin et al. 2022, arXiv 2210.14545",
)
_add(
    "pt-map",
    "means:PTMAP",
    "class means and queries assigned by optimal transport, equal classes supposed",
    _PT_MAP,
)
_add(
    "pt-map[estimate]",
    "means:PTMAP",
    "PT-MAP with the sizes of classes half estimated",
    _PT_MAP,
    counts="estimate",
)
_add(
    "label-propagation",
    "propagation:LabelPropagation",
    "labels flow along a graph of cosines",
    "Zhou et al. 2003 (NIPS 16)",
)
_add(
    "tpn",
    "propagation:LabelPropagation",
    "labels flow along a Gaussian graph whose width is learned over episodes",
    _TPN,
    graph="gaussian",
    neighbours=20,
    alpha=0.99,
    learned=True,
)
_add(
    "ilpc",
    "cleaning:LabelCleaning",
    "the cleanest pseudo-labels join the support, equal classes supposed",
    "Lazarou et al. 2020, arXiv 2012.07962",
)
_add(
    "ici",
    "credible:CredibleInference",
    "the pseudo-labels that a linear model of features explains best join the support",
    "Wang et al. 2020, arXiv 2003.11853",
)
_add(
    "entropy-tuning",
    "entropy:EntropyTuning",
    "cosine head tuned on support and on the queries' entropy, without its network",
    "Dhillon et al. 2019, arXiv 1909.02729",
)
