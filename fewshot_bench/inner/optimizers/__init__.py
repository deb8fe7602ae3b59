"""Inner optimisers: how a gradient becomes a step; and the catalogue of their names."""

from fewshot_bench.registry import OPTIMIZERS

_HOME = "fewshot_bench.inner.optimizers"

OPTIMIZERS.add(
    "sgd",
    f"{_HOME}.sgd:SGD",
    summary="one rate for all; momentum and weight decay if asked for",
    paper="Finn et al. 2017, arXiv 1703.03400",
)
OPTIMIZERS.add(
    "adam",
    f"{_HOME}.adam:Adam",
    summary="Adam, its moments new in every task",
    paper="Nichol et al. 2018, arXiv 1803.02999",
)
OPTIMIZERS.add(
    "element-rates",
    f"{_HOME}.element_rates:ElementRates",
    summary="a learned rate for each element",
    paper="Li et al. 2017, arXiv 1707.09835",
)
OPTIMIZERS.add(
    "layer-step-rates",
    f"{_HOME}.layer_step_rates:LayerStepRates",
    summary="a learned rate for each tensor and step",
    paper="Antoniou et al. 2018, arXiv 1810.09502",
)
OPTIMIZERS.add(
    "generated-rates",
    f"{_HOME}.alfa:GeneratedRates",
    summary="rates and decays that a small network makes from the state of the task",
    paper="Baik et al. 2020, arXiv 2011.00209",
    version=2,
)
OPTIMIZERS.add(
    "curvature",
    f"{_HOME}.curvature:curvature",
    summary="gradients multiplied by learned matrices along their modes",
    paper="Park and Oliva 2019, arXiv 1902.03356",
)
OPTIMIZERS.add(
    "singular-scales",
    f"{_HOME}.gap:singular_scales",
    summary="gradients with learned scales of their singular values",
    paper="Kang et al. 2023, arXiv 2304.01552",
)
OPTIMIZERS.add(
    "row-masks",
    f"{_HOME}.masks:row_masks",
    summary="draws for each task which output channels may move",
    paper="Lee and Choi 2018, arXiv 1801.05558",
)
OPTIMIZERS.add(
    "head-and-body",
    f"{_HOME}.head_and_body:head_and_body",
    summary="gradient descent with momentum, with another rate for the head",
    paper="Luo et al. 2023, arXiv 2301.12246",
)
OPTIMIZERS.add(
    "proximal",
    f"{_HOME}.proximal:proximal",
    summary="gradient descent that is pulled back to where the task began",
    paper="Rajeswaran et al. 2019, arXiv 1909.04630",
)
