"""Inner losses: what adaptation minimises; and the catalogue of their names."""

from fewshot_bench.registry import LOSSES

_HOME = "fewshot_bench.inner.losses"

LOSSES.add(
    "cross_entropy",
    f"{_HOME}.cross_entropy:CrossEntropy",
    summary="cross-entropy of the labels",
)
LOSSES.add(
    "label_smoothing",
    f"{_HOME}.fixed:LabelSmoothing",
    summary="cross-entropy against labels mixed with the uniform distribution",
    paper="Szegedy et al. 2016, arXiv 1512.00567",
)
LOSSES.add(
    "sparse_lsr",
    f"{_HOME}.sparse_lsr:SparseLSR",
    summary="label smoothing with all of the smoothing put on the target's output",
    paper="Raymond 2024, arXiv 2406.09713",
    version=2,
)
LOSSES.add(
    "focal",
    f"{_HOME}.fixed:Focal",
    summary="cross-entropy that discounts what is learned already",
    paper="Lin et al. 2017, arXiv 1708.02002",
    version=2,
)
LOSSES.add(
    "squared_error",
    f"{_HOME}.fixed:SquaredError",
    summary="squared error of the probabilities",
)
LOSSES.add(
    "ml3",
    f"{_HOME}.network:ml3",
    summary="learned: a network on each output's target and probability",
    paper="Bechtle et al. 2021, arXiv 1906.05374",
)
LOSSES.add(
    "adalfl",
    f"{_HOME}.network:adalfl",
    summary="learned: a smooth network on each output's target and probability",
    paper="Raymond et al. 2023, arXiv 2301.13247",
)
LOSSES.add(
    "absolute_cross_entropy",
    f"{_HOME}.symbolic:absolute_cross_entropy",
    summary="learned: |log p_t| with weights, which EvoMAL found",
    paper="Raymond et al. 2023, arXiv 2209.08907",
)
LOSSES.add(
    "taylorglo",
    f"{_HOME}.taylor:TaylorGLO",
    summary="learned: a polynomial of third order in target and probability",
    paper="Gonzalez and Miikkulainen 2021, arXiv 2002.00059",
)
