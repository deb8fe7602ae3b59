"""The catalogue of kinds of loss files, by the word that a file has as its ``kind``."""

from fewshot_bench.registry import LOSS_KINDS

_HOME = "fewshot_bench.inner.losses"

LOSS_KINDS.add(
    "symbolic",
    f"{_HOME}.symbolic_file:SymbolicFile",
    summary="an expression and the weights of its edges",
)
LOSS_KINDS.add("taylor", f"{_HOME}.taylor_file:TaylorFile", summary="TaylorGLO's coefficients")
LOSS_KINDS.add(
    "network",
    f"{_HOME}.network_file:NetworkFile",
    summary="the layers of ML3's or AdaLFL's network",
)
