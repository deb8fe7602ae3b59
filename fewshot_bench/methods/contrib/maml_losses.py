"""MAML with another inner loss: our adaptation of losses made for supervised training.

The queries are scored by cross-entropy as in MAML; only what the inner steps minimise differs.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from fewshot_bench.inner.losses.library import loss_from
from fewshot_bench.inner.losses.loss_file import read_loss
from fewshot_bench.inner.losses.network import Inputs, adalfl, ml3
from fewshot_bench.inner.losses.sparse_lsr import SparseLSR
from fewshot_bench.inner.protocols import InnerLoss, TaskView
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import maml
from fewshot_bench.methods.options import MetaOrder, PlainNorm, Rate, Share, Steps
from fewshot_bench.nn.params import Params


def maml_sparse_lsr(
    setup: Setup,
    smoothing: Share = 0.1,
    order: MetaOrder = 2,
    steps: Steps = 5,
    test_steps: Steps = 10,
    lr: Rate = 0.01,
    bn: PlainNorm = "batch",
) -> GradientLearner:
    """Compose MAML with sparse label smoothing of the support labels.

    Args:
        setup: what it is built for.
        smoothing: xi of :func:`fewshot_bench.inner.losses.sparse_lsr.sparse_lsr`; 0 is MAML. The
            default is the custom of label smoothing, not tuned for few shots.
        order: see :func:`fewshot_bench.methods.maml.maml`, as for the rest.
        steps: inner steps in training.
        test_steps: inner steps at test.
        lr: inner learning rate.
        bn: policy of the normalisation.
    """
    learner = maml(setup, order=order, steps=steps, test_steps=test_steps, lr=lr, bn=bn)
    return dataclasses.replace(learner, loss=SparseLSR(smoothing))


def maml_loss_network(
    setup: Setup,
    network: Literal["ml3", "adalfl"] = "ml3",
    inputs: Inputs = "probabilities",
    steps: Steps = 5,
    test_steps: Steps = 10,
    lr: Rate = 0.01,
    bn: PlainNorm = "batch",
) -> GradientLearner:
    """Compose MAML with an inner loss that is learned beside the initialisation, end to end.

    There is no ``order``: with inner gradients as constants, no gradient would reach the loss.

    Args:
        setup: what it is built for.
        network: ML3's or AdaLFL's. Of AdaLFL only the network is used; its updates during
            training need a validation set, which one task does not have.
        inputs: whether the network sees probabilities or logits.
        steps: inner steps in training.
        test_steps: inner steps at test.
        lr: inner learning rate.
        bn: policy of the normalisation.
    """
    learner = maml(setup, order=2, steps=steps, test_steps=test_steps, lr=lr, bn=bn)
    loss = ml3(inputs=inputs) if network == "ml3" else adalfl(inputs=inputs)
    return dataclasses.replace(learner, loss=loss)


@dataclass(frozen=True, eq=False)
class StartingAt:
    """A learned loss whose meta-parameters begin where an earlier search left them.

    Attributes:
        loss: its structure.
        phi: where they begin.
    """

    loss: InnerLoss
    phi: Params

    def init(self, generator: torch.Generator) -> Params:  # noqa: ARG002
        """Copies of ``phi``."""
        return {name: value.clone() for name, value in self.phi.items()}

    def __call__(self, phi: Params, view: TaskView) -> Tensor:
        """Scalar, any sign."""
        return self.loss(phi, view)


def maml_named_loss(
    setup: Setup,
    loss: str,
    steps: Steps = 5,
    test_steps: Steps = 10,
    lr: Rate = 0.01,
    bn: PlainNorm = "batch",
) -> GradientLearner:
    """Compose MAML with a learned loss by name; its numbers are learned on with the initialisation.

    There is no ``order``: with inner gradients as constants, no gradient would reach the loss.

    Args:
        setup: what it is built for.
        loss: a registered loss, or the path of a loss file that ``fsbench loss`` wrote.
        steps: inner steps in training.
        test_steps: inner steps at test.
        lr: inner learning rate.
        bn: policy of the normalisation.

    Raises:
        ConfigError: there is no such loss.
        DataError: a file that is not a possible loss, or one for regression.
    """
    learner = maml(setup, order=2, steps=steps, test_steps=test_steps, lr=lr, bn=bn)
    if not loss.endswith(".json"):
        return dataclasses.replace(learner, loss=loss_from(loss))
    file = read_loss(Path(loss), "classification")
    return dataclasses.replace(learner, loss=StartingAt(file.structure(), file.phi()))
