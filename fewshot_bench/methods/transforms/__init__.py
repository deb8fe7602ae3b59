"""Transforms of features before they are classified, and the catalogue of their names."""

from fewshot_bench.registry import TRANSFORMS

_HOME = "fewshot_bench.methods.transforms"
_SIMPLESHOT = "Wang et al. 2019, arXiv 1911.04623"
_PT_MAP = "Hu et al. 2020, arXiv 2006.03806"
_BDC = "Xie et al. 2022, arXiv 2204.04567"
_ILPC = "Lazarou et al. 2020, arXiv 2012.07962"

TRANSFORMS.add(
    "un",
    f"{_HOME}.identity:Identity",
    summary="features as they are",
    paper=_SIMPLESHOT,
    setting="inductive",
)
TRANSFORMS.add(
    "l2n",
    f"{_HOME}.length:UnitLength",
    summary="every feature at length 1",
    paper=_SIMPLESHOT,
    setting="inductive",
)
TRANSFORMS.add(
    "cl2n",
    f"{_HOME}.chain:cl2n",
    summary="less the mean feature of the training images, then at length 1",
    paper=_SIMPLESHOT,
    setting="inductive",
)
TRANSFORMS.add(
    "centre",
    f"{_HOME}.centre:Centre",
    summary="less the mean feature of the training images",
    paper=_SIMPLESHOT,
    setting="inductive",
)
TRANSFORMS.add(
    "centre[support]",
    f"{_HOME}.centre:Centre",
    summary="less the mean of the support",
    setting="inductive",
    options={"by": "support"},
)
TRANSFORMS.add(
    "centre[episode]",
    f"{_HOME}.centre:Centre",
    summary="less the mean of support and queries",
    setting="transductive",
    options={"by": "episode"},
)
TRANSFORMS.add(
    "centre[each]",
    f"{_HOME}.centre:Centre",
    summary="support less its mean, queries less theirs",
    paper=_PT_MAP,
    setting="transductive",
    options={"by": "each"},
)
TRANSFORMS.add(
    "power",
    f"{_HOME}.power:Power",
    summary="square root of non-negative features",
    paper=_PT_MAP,
    setting="inductive",
)
TRANSFORMS.add(
    "power[signed]",
    f"{_HOME}.power:Power",
    summary="square root of the size of features, with their sign",
    paper=_ILPC,
    setting="inductive",
    options={"signed": True},
)
TRANSFORMS.add(
    "pt-map",
    f"{_HOME}.chain:pt_map",
    summary="power, length 1, support and queries centred apart, length 1",
    paper=_PT_MAP,
    setting="transductive",
)
TRANSFORMS.add(
    "ilpc",
    f"{_HOME}.chain:ilpc",
    summary="signed power, length 1, support and queries centred together, length 1",
    paper=_ILPC,
    setting="transductive",
)
TRANSFORMS.add(
    "minmax",
    f"{_HOME}.ranges:MinMax",
    summary="each dimension scaled to its range over support and queries",
    paper="Martin et al. 2022, arXiv 2210.14545",
    setting="transductive",
)
TRANSFORMS.add(
    "pca",
    f"{_HOME}.spectral:PCA",
    summary="coordinates along the first principal axes of the support",
    setting="inductive",
)
TRANSFORMS.add(
    "whiten",
    f"{_HOME}.spectral:Whiten",
    summary="equal variance in all directions in which the support varies",
    setting="inductive",
)
TRANSFORMS.add(
    "bdc",
    f"{_HOME}.covariance:BrownianCovariance",
    summary="Brownian distance covariance of the channels of maps; give channels",
    paper=_BDC,
    setting="inductive",
)
TRANSFORMS.add(
    "bdc[learned]",
    f"{_HOME}.covariance:BrownianCovariance",
    summary="the same with the factor of distances learned over episodes",
    paper=_BDC,
    setting="inductive",
    options={"learned": True},
)
TRANSFORMS.add(
    "bdc[l2n]",
    f"{_HOME}.chain:deep_bdc",
    summary="the same as bdc, then at length 1",
    paper=_BDC,
    setting="inductive",
)
