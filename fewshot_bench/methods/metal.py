"""MeTAL: MAML whose inner loss is learned and adapted to the task, transductive.

Baik, Choi, Kim, Cho, Min, Lee: Meta-Learning with Task-Adaptive Loss Function for Few-Shot
Learning, 2021, arXiv 2110.03909.

The loss is that of :mod:`fewshot_bench.inner.losses.metal`; inner rates are fixed, as published.
Not here: an outer loss over support and query set together, as in the released code (it is over
the queries), the other parts of MAML++ that the code is built on, and its ensemble at test.
"""

import dataclasses

from fewshot_bench.inner.losses.metal import TaskAdaptiveLoss
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import maml
from fewshot_bench.methods.options import Count, PlainNorm, Rate, Steps


def metal(
    setup: Setup,
    steps: Count = 5,
    test_steps: Steps = 5,
    lr: Rate = 0.01,
    bn: PlainNorm = "batch",
) -> GradientLearner:
    """Compose MeTAL.

    Args:
        setup: what it is built for.
        steps: inner steps in training, each with loss networks of its own.
        test_steps: inner steps at test; those beyond ``steps`` use the last networks.
        lr: inner learning rate.
        bn: see :mod:`fewshot_bench.nn.norm`.
    """
    learner = maml(setup, order=2, steps=steps, test_steps=test_steps, lr=lr, bn=bn)
    return dataclasses.replace(
        learner, loss=TaskAdaptiveLoss(setup.n_way, learner.n_tensors, steps)
    )
