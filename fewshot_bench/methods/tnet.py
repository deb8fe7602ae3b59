"""T-Net and MT-Net: a learned linear map behind each convolution, and a mask on what moves.

Lee, Choi: Gradient-Based Meta-Learning with Learned Layerwise Metric and Subspace, 2018,
arXiv 1801.05558.

A convolution W becomes T W with a 1x1 convolution T that only the outer loop learns, so T shapes
the metric in which W steps. MT-Net also draws, for each task, which output channels of W may move.

T starts as identity, as in the authors' code. There is no T and no mask on the head, which that
code has: they would tell classes apart by their number.
"""

import dataclasses

from fewshot_bench.config.names import OptimizerName
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import PartOptions, maml
from fewshot_bench.methods.options import InnerOptions
from fewshot_bench.nn.warp import WarpedConvs


def tnet(
    setup: Setup,
    inner: InnerOptions = InnerOptions(),  # noqa: B008 - frozen
    optimizer: OptimizerName = "sgd",
    optimizer_options: PartOptions = {},  # noqa: B006 - never changed
) -> GradientLearner:
    """Compose T-Net, or MT-Net with ``optimizer="row-masks"``.

    Args:
        setup: what it is built for.
        inner: see :func:`fewshot_bench.methods.maml.maml`.
        optimizer: registered name of the inner optimiser.
        optimizer_options: of the optimiser.
    """
    learner = maml(setup, inner, optimizer=optimizer, optimizer_options=optimizer_options)
    return dataclasses.replace(learner, embedding=learner.embedding.wrapped(WarpedConvs))
