"""MAML: an initialisation from which a few gradient steps learn a new task.

Finn, Abbeel, Levine: Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks, 2017,
arXiv 1703.03400.

As in the authors' code, batch normalisation uses the statistics of the batch at hand, queries
included, which is transductive; ``bn="running"`` makes it inductive. A departure: scales and shifts
of the normalisation move in the inner loop like all else; the authors' code has no scales, and its
shifts do not move. ``adapt="all_but_norm"`` leaves both to the outer loop.

Head, optimiser, inner loss and what moves are parts by name, so much of the family is this function
with other options: the catalogue (:mod:`fewshot_bench.methods`) says which, and what was left out
of each paper.
"""

from collections.abc import Callable
from typing import Any, Literal

import torch

from fewshot_bench.config.names import HeadName, LossName, OptimizerName
from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.make import make_head, make_loss, make_optimizer
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.gradient import GradientLearner, everything
from fewshot_bench.methods.options import InnerOptions
from fewshot_bench.nn.backbone import Backbone, build_backbone
from fewshot_bench.nn.heads import HEAD

Adapted = Literal["all", "all_but_norm", "head", "body"]
PartOptions = dict[str, Any]


def head_only(name: str) -> bool:
    """The head moves, the body does not (ANIL)."""
    return name.startswith(f"{HEAD}.")


def body_only(name: str) -> bool:
    """The body moves, the head does not (BOIL)."""
    return not head_only(name)


def all_but_norm(embedding: Backbone) -> Callable[[str], bool]:
    """All moves but scales and shifts of the normalisation (MAML++ and what builds on its code)."""
    normalisation = embedding.named("normalisation")
    return lambda name: name not in normalisation


def moving(adapt: Adapted, embedding: Backbone) -> Callable[[str], bool]:
    """What tells by name whether a parameter moves in the inner loop."""
    if adapt == "all_but_norm":
        return all_but_norm(embedding)
    return {"all": everything, "head": head_only, "body": body_only}[adapt]


def maml(
    setup: Setup,
    inner: InnerOptions = InnerOptions(),  # noqa: B008 - frozen
    adapt: Adapted = "all",
    head: HeadName = "linear",
    optimizer: OptimizerName = "sgd",
    loss: LossName = "cross_entropy",
    head_options: PartOptions = {},  # noqa: B006 - never changed
    optimizer_options: PartOptions = {},  # noqa: B006
    loss_options: PartOptions = {},  # noqa: B006
) -> GradientLearner:
    """Compose MAML.

    Args:
        setup: what it is built for.
        inner: steps, rate, order and normalisation.
        adapt: which parameters move in the inner loop: ``all``, ``all_but_norm`` without scales and
            shifts of the normalisation, ``head`` or ``body``.
        head: registered name of the head.
        optimizer: registered name of the inner optimiser.
        loss: what the inner loop minimises: a registered name, or a loss file; the meta-parameters
            of a learned one are learned on. Queries are scored by cross-entropy always.
        head_options: of the head.
        optimizer_options: of the optimiser.
        loss_options: of the loss.

    Raises:
        ConfigError: unknown names or options, or a learned loss that no gradient reaches.
    """
    embedding = build_backbone(setup.backbone, setup.image, bn=inner.bn)
    inner_loss = make_loss(loss, loss_options)
    if inner.order == 1 and inner_loss.init(torch.Generator()):
        raise ConfigError(f"with order=1 no gradient reaches the learned loss {loss}; set order=2")
    known = {
        "lr": inner.lr,
        "n_steps": inner.steps,
        "convolutions": embedding.named("convolution"),
    }
    return GradientLearner(
        embedding=embedding,
        n_way=setup.n_way,
        optimizer=make_optimizer(optimizer, known, optimizer_options),
        loss=inner_loss,
        head=make_head(head, embedding.feature_dim, head_options),
        adapt=moving(adapt, embedding),
        steps=inner.steps,
        test_steps=inner.test_steps,
        order=inner.order,
        bn=inner.bn,
    )
