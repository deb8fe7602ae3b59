"""Ways to draw episodes, and the catalogue of their names."""

from fewshot_bench.registry import SAMPLERS

_HERE = "fewshot_bench.data.samplers"

SAMPLERS.add(
    "uniform",
    f"{_HERE}.uniform:UniformSampler",
    summary="each episode afresh; as many shots and queries of each class",
)
SAMPLERS.add(
    "disjoint",
    f"{_HERE}.disjoint:DisjointSampler",
    summary="each image in one episode at most",
    paper="Lafargue et al. 2024, arXiv 2409.02850",
)
SAMPLERS.add(
    "dirichlet",
    f"{_HERE}.dirichlet:DirichletSampler",
    summary="as uniform, but unequal numbers of queries",
    paper="Veilleux et al. 2021, arXiv 2204.11181",
)
SAMPLERS.add(
    "varied",
    f"{_HERE}.varied:VariedSampler",
    summary="ways and shots differ from episode to episode, as in Meta-Dataset",
    paper="Triantafillou et al. 2020, arXiv 1903.03096",
)
