"""MeTAL: MAML whose inner loss is learned and adapted to the task, transductive.

Baik, Choi, Kim, Cho, Min, Lee: Meta-Learning with Task-Adaptive Loss Function for Few-Shot
Learning, 2021, arXiv 2110.03909.

The loss is that of :mod:`fewshot_bench.inner.losses.metal`; inner rates are fixed, as published.
Not here: an outer loss over support and query set together, as in the released code (it is over
the queries), the other parts of MAML++ that the code is built on, and its ensemble at test.
"""

import dataclasses

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.metal import TaskAdaptiveLoss
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import maml
from fewshot_bench.methods.options import InnerOptions, InnerSteps


def metal(
    setup: Setup,
    inner: InnerSteps = InnerSteps(test_steps=5),  # noqa: B008 - frozen
) -> GradientLearner:
    """Compose MeTAL.

    Args:
        setup: what it is built for.
        inner: each step in training has loss networks of its own; steps beyond those at test use
            the last networks.

    Raises:
        ConfigError: no inner steps, so that nothing would teach the networks.
    """
    if not inner.steps:
        raise ConfigError("loss networks learn from inner steps; set options.steps to 1 or more")
    learner = maml(setup, InnerOptions(**inner.model_dump()))
    loss = TaskAdaptiveLoss(setup.n_way, learner.n_adapted, inner.steps)
    return dataclasses.replace(learner, loss=loss)
