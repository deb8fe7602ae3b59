"""SCA: inner steps on the support set, then one on a learned critic of the query predictions.

Antoniou, Storkey: Learning to Learn by Self-Critique, 2019, arXiv 1905.10295.

Both stages are one unroll with a loss that depends on the step
(:mod:`fewshot_bench.inner.losses.sca`). Rates are learned for each layer and step; the critic's
step has its own (the released code uses that of the first step again). Scales and shifts of the
normalisation stay as the outer loop learns them, as in the released code (``adapt="all"`` moves
them). Built on plain MAML with a linear head: not here are the paper's dense embedding network with
an attention classifier and the other parts of MAML++, nor a share of the loss before the critic's
step in the outer loss, which the released code lowers during training.
"""

import dataclasses

from fewshot_bench.inner.losses.sca import CriticNorm, SelfCritique
from fewshot_bench.inner.optimizers.layer_step_rates import LayerStepRates
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import Adapted, maml
from fewshot_bench.methods.options import Count, InnerOptions, PlainNorm, Rate


def sca(
    setup: Setup,
    steps: Count = 5,
    critic_steps: Count = 1,
    lr: Rate = 0.01,
    bn: PlainNorm = "batch",
    adapt: Adapted = "all_but_norm",
    critic_norm: CriticNorm = "running",
) -> GradientLearner:
    """Compose SCA; training and test take the same steps.

    Args:
        setup: what it is built for.
        steps: inner steps on the support set.
        critic_steps: inner steps on the critic, after them.
        lr: where the inner rates start.
        bn: see :mod:`fewshot_bench.nn.norm`.
        adapt: see :func:`fewshot_bench.methods.maml.maml`.
        critic_norm: what the critic's own normalisation goes by at test, see
            :mod:`fewshot_bench.inner.losses.sca`.
    """
    total = steps + critic_steps
    learner = maml(setup, InnerOptions(steps=total, test_steps=total, lr=lr, bn=bn), adapt)
    loss = SelfCritique(setup.n_way, steps, critic_norm)
    return dataclasses.replace(learner, optimizer=LayerStepRates(lr, total), loss=loss)
