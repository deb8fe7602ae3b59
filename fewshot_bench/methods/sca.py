"""SCA: inner steps on the support set, then one on a learned critic of the query predictions.

Antoniou, Storkey: Learning to Learn by Self-Critique, 2019, arXiv 1905.10295.

Both stages are one unroll with a loss that depends on the step
(:mod:`fewshot_bench.inner.losses.sca`). Rates are learned for each layer and step; the critic's
step has its own (the released code uses that of the first step again). Built on plain MAML with a
linear head: not here are the paper's dense embedding network with an attention classifier and the
other parts of MAML++.
"""

import dataclasses

from fewshot_bench.inner.losses.sca import SelfCritique
from fewshot_bench.inner.optimizers.layer_step_rates import LayerStepRates
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import maml
from fewshot_bench.methods.options import Count, InnerOptions, PlainNorm, Rate


def sca(
    setup: Setup,
    steps: Count = 5,
    critic_steps: Count = 1,
    lr: Rate = 0.01,
    bn: PlainNorm = "batch",
) -> GradientLearner:
    """Compose SCA; training and test take the same steps.

    Args:
        setup: what it is built for.
        steps: inner steps on the support set.
        critic_steps: inner steps on the critic, after them.
        lr: where the inner rates start.
        bn: see :mod:`fewshot_bench.nn.norm`.
    """
    total = steps + critic_steps
    learner = maml(setup, InnerOptions(steps=total, test_steps=total, lr=lr, bn=bn))
    return dataclasses.replace(
        learner, optimizer=LayerStepRates(lr, total), loss=SelfCritique(setup.n_way, steps)
    )
