"""CAVIA: a task is learned by a small context vector, all weights stay as they are.

Zintgraf, Shiarlis, Kurin, Hofmann, Whiteson: Fast Context Adaptation via Meta-Learning, 2018,
arXiv 1810.03642.

The context begins at zero in every task; a learned layer turns it into scale and shift of one
block's channels (FiLM), the third as released. The scale is 1 plus the layer's output, which starts
the network out unmodulated.
"""

import dataclasses
from typing import Annotated

from pydantic import Field

from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import maml
from fewshot_bench.methods.options import Count, InnerOptions
from fewshot_bench.nn.backbone import Backbone
from fewshot_bench.nn.film import Modulated


def context_only(name: str) -> bool:
    """Context vectors move, weights do not."""
    return name.endswith(".context")


def cavia(
    setup: Setup,
    inner: InnerOptions = InnerOptions(steps=2, test_steps=2, lr=1.0),  # noqa: B008 - frozen
    context: Count = 100,
    block: Annotated[int, Field(ge=1)] = 3,
) -> GradientLearner:
    """Compose CAVIA.

    Args:
        setup: what it is built for.
        inner: its rate is that of the context.
        context: length of the context vector.
        block: which block it modulates, from 1.
    """
    learner = maml(setup, inner)
    embedding = _modulated(learner.embedding, block - 1, context)
    return dataclasses.replace(learner, embedding=embedding, adapt=context_only)


def _modulated(backbone: Backbone, index: int, context: int) -> Backbone:
    stages = list(backbone.stages)
    if index >= len(stages):
        raise ConfigError(f"the backbone has {len(stages)} blocks, there is no block {index + 1}")
    stages[index] = Modulated(stages[index], context)
    return dataclasses.replace(backbone, stages=tuple(stages))
